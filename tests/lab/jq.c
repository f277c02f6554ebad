/* jq in a lab machine: that of /opt/jq, with the loader and libraries that case_files puts there.
 */
#include <stdlib.h>
#include <unistd.h>

static char start[][16] = { "/opt/jq/loader", "--library-path", "/opt/jq", "/opt/jq/jq" };
enum { BEFORE = sizeof(start) / sizeof(*start) };

int main(int argc, char **argv)
{
	char **all = calloc(BEFORE + (size_t)argc, sizeof(*all));

	if (!all)
		return 127;
	for (int i = 0; i < BEFORE; i++)
		all[i] = start[i];
	for (int i = 1; i < argc; i++)
		all[BEFORE - 1 + i] = argv[i];
	execv(all[0], all);
	return 127;
}
