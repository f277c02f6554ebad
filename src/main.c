/*
 * cnibox: one program under many names. The applet is the name that it is called by, or else its
 * first argument.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets.h"
#include "base/caps.h"
#include "base/log.h"
#include "base/relro.h"
#include "base/signals.h"
#include "cni/plugin.h"
#include "tools/tools.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_option(const char *arg, const char *brief, const char *full)
{
	return arg && (strcmp(arg, brief) == 0 || strcmp(arg, full) == 0);
}

/* What was printed counts only when it has arrived. */
static int printed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

static int list_applets(void)
{
	printf("cnibox %s: container networking for small machines, in one file\n\n"
	       "usage: cnibox APPLET [ARGUMENT]...\n"
	       "   or: APPLET [ARGUMENT]...     called by a link of that name\n"
	       "   or: cnibox --list [plugins|tools]\n"
	       "   or: cnibox --help | --version\n",
	       CNIBOX_VERSION);
	for (unsigned int i = 0; i < applet_count(); i++) {
		const struct applet a = applet_at(i);

		if (i == 0 || !applet_at(i - 1).tool != !a.tool)
			printf("\n%s (NAME --help says more):\n", a.tool ? "tools" : "plugins");
		printf("  %-12s %s\n", a.name, a.summary);
	}
	return printed();
}

/* For scripts: the names, one a line. */
static int list_names(const char *kind)
{
	bool any_plugin = !kind || strcmp(kind, "plugins") == 0;
	bool any_tool = !kind || strcmp(kind, "tools") == 0;

	if (!any_plugin && !any_tool) {
		fprintf(stderr, "cnibox: --list takes plugins or tools, not \"%s\"\n", kind);
		return 2;
	}
	for (unsigned int i = 0; i < applet_count(); i++) {
		const struct applet a = applet_at(i);

		if (a.plugin ? any_plugin : any_tool)
			puts(a.name);
	}
	return printed();
}

static int print_help(const struct applet *a)
{
	printf("%s: %s\n\n", a->name, a->summary);
	if (a->tool) {
		a->tool->help();
		return printed();
	}
	printf("A CNI plugin, called by a container runtime with CNI_COMMAND and others in its "
	       "environment and the network\n"
	       "configuration on standard input. By hand, use cnitool. Keys:\n\n");
	cni_plugin_help(a->plugin);
	if (a->plugin->help)
		a->plugin->help();
	return printed();
}

static int run_plugin(const struct applet *a, int argc, char **argv)
{
	if (argc > 1 && !a->plugin->main) {
		fprintf(stderr,
			"%s: unexpected argument \"%s\": a CNI plugin takes none (see %s --help)\n",
			a->name, argv[1], a->name);
		return 2;
	}
	caps_limit(CAPS_PLUGIN);
	return argc > 1 ? a->plugin->main(argc, argv) : cni_plugin_run(a->plugin);
}

static int run_applet(const struct applet *a, int argc, char **argv)
{
	const char *arg = argc > 1 ? argv[1] : NULL;

	if (is_option(arg, "-h", "--help"))
		return print_help(a);
	if (is_option(arg, "-V", "--version")) {
		printf("%s (cnibox %s)\n", a->name, CNIBOX_VERSION);
		return printed();
	}
	if (a->plugin)
		return run_plugin(a, argc, argv);
	caps_limit(a->tool->caps);
	log_name(a->name);
	return a->tool->main(argc, argv);
}

/* Called as cnibox, or by a name that says nothing: the first argument decides. */
static int run_first_argument(int argc, char **argv)
{
	struct applet a;

	if (argc < 2 || is_option(argv[1], "-h", "--help"))
		return list_applets();
	if (is_option(argv[1], "-V", "--version")) {
		printf("cnibox %s\n", CNIBOX_VERSION);
		return printed();
	}
	if (strcmp(argv[1], "--list") == 0)
		return list_names(argv[2]);
	if (!applet_find(argv[1], &a)) {
		fprintf(stderr, "cnibox: no applet is called \"%s\" (cnibox --help lists them)\n",
			argv[1]);
		return 2;
	}
	return run_applet(&a, argc - 1, argv + 1);
}

/*
 * A file must never get the number of a closed standard stream: results and messages would go into
 * it. Read-only, so that writing a result to a closed standard output fails, instead of succeeding
 * unseen.
 */
static void open_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDONLY);
	}
}

int main(int argc, char **argv)
{
	struct applet a;

	relro_protect();
	open_standard_streams();
	umask(022);
	signals_begin();
	if (argc > 0 && applet_find(base_name(argv[0]), &a))
		return run_applet(&a, argc, argv);
	if (argc == 1 && getenv("CNI_COMMAND"))
		return cni_plugin_unknown(base_name(argv[0]));
	return run_first_argument(argc, argv);
}
