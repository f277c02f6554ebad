/* One call of a plugin, as a runtime makes it; and the IPAM plugin that gives what it is told. */
#include "property.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../faults/sweep.h"

#define PATIENCE_MS 120000 /* a machine that does much else */

const char *plugins;

static int input_of(const struct attachment *a, const char *prev)
{
	static char text[CONFIG_SIZE + sizeof(((struct plugin_call *)NULL)->text)];
	int fd = memfd_create("configuration", MFD_CLOEXEC);

	config_write(a, prev, text, sizeof(text));
	if (fd < 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		die("the configuration's file: %s", strerror(errno));
	return fd;
}

static void spawn(struct plugin_call *c, char *program, char *const env[], int in, int out)
{
	posix_spawn_file_actions_t files;
	char *argv[] = { program, NULL };
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	if (!getenv("PROPERTY_STDERR"))
		posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawn(&c->pid, program, &files, NULL, argv, env);
	if (r != 0)
		die("%s: %s", program, strerror(r));
	posix_spawn_file_actions_destroy(&files);
}

void call_start(struct plugin_call *c, const struct attachment *a, const char *command,
		const char *prev)
{
	char text[6][256], args[160], program[256];
	char *env[7] = { text[0], text[1], text[2], text[3], text[4], text[5], NULL };
	int in = input_of(a, prev), out[2];

	config_args(a, args, sizeof(args));
	snprintf(text[0], sizeof(text[0]), "CNI_COMMAND=%s", command);
	snprintf(text[1], sizeof(text[1]), "CNI_CONTAINERID=c%u", a->number);
	snprintf(text[2], sizeof(text[2]), "CNI_NETNS=/run/netns/%s", a->pod);
	snprintf(text[3], sizeof(text[3]), "CNI_IFNAME=%s", a->ifname);
	snprintf(text[4], sizeof(text[4]), "CNI_PATH=%s", plugins);
	snprintf(text[5], sizeof(text[5]), "CNI_ARGS=%s", args);
	snprintf(program, sizeof(program), "%s/%s", plugins, tried_of(a)->name);
	if (pipe2(out, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	spawn(c, program, env, in, out[1]);
	close(in);
	close(out[1]);
	c->out = out[0];
}

/* What does not answer is killed; an answer ends when all who could write it have ended. */
void call_end(struct plugin_call *c)
{
	struct pollfd p = { .fd = c->out, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	c->hung = false;
	while (n > 0 && len + 1 < sizeof(c->text)) {
		if (poll(&p, 1, PATIENCE_MS) == 0) {
			c->hung = true;
			kill(c->pid, SIGKILL);
		}
		n = read(c->out, c->text + len, sizeof(c->text) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	c->text[len] = '\0';
	if (!len && c->hung)
		snprintf(c->text, sizeof(c->text), "(killed after %d s)", PATIENCE_MS / 1000);
	c->text[strcspn(c->text, "\n")] = '\0';
	close(c->out);
	while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
		;
	c->status = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;
}

int given_main(void)
{
	static char text[1 << 16];
	const char *command = getenv("CNI_COMMAND"), *at;
	size_t len = fread(text, 1, sizeof(text) - 1, stdin), end = 0;
	int depth = 0;

	text[len] = '\0';
	at = strstr(text, "\"result\":");
	if (!command || strcmp(command, "ADD") != 0)
		return 0;
	if (!at)
		return 1;
	at += strlen("\"result\":");
	do {
		depth += (at[end] == '{') - (at[end] == '}');
		end++;
	} while (depth > 0);
	return fwrite(at, 1, end, stdout) == end && puts("") >= 0 ? 0 : 1;
}
