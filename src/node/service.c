/* Units for service managers: see service.h. */
#include "node/service.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "node/options.h"

#define COMMAND_SIZE 4096
#define FILE_DEFAULT "/etc/cnibox/cluster.json"

/* "@" stands for the program and its arguments, "&" for the program, "*" for the arguments. */
static const struct manager {
	const char *name, *text;
} managers[] = {
	{ "systemd", "# /etc/systemd/system/cnibox-node.service\n"
		     "[Unit]\n"
		     "Description=cnibox: joins this node to the others of its cluster\n"
		     "After=network.target\n"
		     "Before=kubelet.service\n"
		     "StartLimitIntervalSec=0\n"
		     "\n"
		     "[Service]\n"
		     "ExecStart=@\n"
		     "ExecReload=/bin/kill -HUP $MAINPID\n"
		     "Restart=always\n"
		     "RestartSec=2\n"
		     "CapabilityBoundingSet=CAP_NET_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH\n"
		     "NoNewPrivileges=yes\n"
		     "\n"
		     "[Install]\n"
		     "WantedBy=multi-user.target\n" },
	{ "openrc", "#!/sbin/openrc-run\n"
		    "# /etc/init.d/cnibox-node\n"
		    "name=\"cnibox node\"\n"
		    "description=\"joins this node to the others of its cluster\"\n"
		    "supervisor=supervise-daemon\n"
		    "command=\"&\"\n"
		    "command_args=\"*\"\n"
		    "error_log=\"/var/log/cnibox-node.log\"\n"
		    "respawn_delay=2\n"
		    "respawn_max=0\n"
		    "extra_started_commands=\"reload\"\n"
		    "\n"
		    "depend() {\n"
		    "\tafter net\n"
		    "\tbefore kubelet k3s\n"
		    "}\n"
		    "\n"
		    "reload() {\n"
		    "\tsupervise-daemon \"$RC_SVCNAME\" --signal HUP\n"
		    "}\n" },
	{ "procd", "#!/bin/sh /etc/rc.common\n"
		   "# /etc/init.d/cnibox-node\n"
		   "START=21\n"
		   "STOP=89\n"
		   "USE_PROCD=1\n"
		   "\n"
		   "start_service() {\n"
		   "\tprocd_open_instance\n"
		   "\tprocd_set_param command @\n"
		   "\tprocd_set_param respawn 3600 2 0\n"
		   "\tprocd_set_param stderr 1\n"
		   "\tprocd_close_instance\n"
		   "}\n"
		   "\n"
		   "reload_service() {\n"
		   "\tprocd_send_signal cnibox-node '*' HUP\n"
		   "}\n" },
	{ "inittab", "::respawn:@\n" },
};

/* Nothing that a shell, systemd or a configuration file would understand otherwise. */
static bool is_plain(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_./:=,+[]";

	return *s && s[strspn(s, plain)] == '\0';
}

static int complain(const char *why, const char *what)
{
	fprintf(stderr, "node service: %s%s%s (cnibox node --help says more)\n", why,
		what ? ": " : "", what ? what : "");
	return 2;
}

static bool is_path(const struct node_options *o, const char *argument)
{
	const char *const paths[] = { o->file,	      o->access.kubeconfig,
				      o->access.ca,   o->access.token_file,
				      o->access.cert, o->access.key };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (paths[i] == argument)
			return true;
	}
	return false;
}

/* A service begins in another directory than who writes its file. */
static const char *put_argument(const struct node_options *o, const char *argument, struct text *t)
{
	char here[PATH_MAX];
	bool relative = is_path(o, argument) && argument[0] != '/';

	if (!is_plain(argument))
		return "this cannot be written into a service's file";
	if (relative && (!getcwd(here, sizeof(here)) || !is_plain(here)))
		return "a relative path, and the working directory cannot be written into a "
		       "service's file";
	if (relative && strncmp(argument, "./", 2) == 0)
		argument += 2;
	text_printf(t, " %s%s%s", relative ? here : "", relative ? "/" : "", argument);
	return NULL;
}

/* The arguments behind the program's name, checked as run itself would. */
static const char *put_arguments(int argc, char **argv, struct text *t, const char **what)
{
	static char file[] = "-f", path[] = FILE_DEFAULT;
	char *with_default[] = { argv[0], argv[1], file, path };
	struct node_options o = { .command = NODE_RUN };
	const char *why;

	if (argc == 2) {
		argc = 4;
		argv = with_default;
	}
	why = node_options_parse(argc, argv, &o, what);
	if (why)
		return why;
	text_str(t, "node run");
	for (int i = 2; i < argc && !why; i++) {
		*what = argv[i];
		why = put_argument(&o, argv[i], t);
	}
	return t->bad ? "too many arguments" : why;
}

static void print(const char *template, const char *program, const char *arguments)
{
	for (; *template; template ++) {
		if (*template == '@')
			printf("%s %s", program, arguments);
		else if (*template == '&')
			fputs(program, stdout);
		else if (*template == '*' && template[1] == '"')
			fputs(arguments, stdout);
		else
			putchar(*template);
	}
}

int node_service(int argc, char **argv)
{
	char program[PATH_MAX], arguments[COMMAND_SIZE];
	const char *why, *what = NULL;
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct text t;

	if (argc < 3)
		return complain("systemd, openrc, procd or inittab is missing", NULL);
	program[len < 0 ? 0 : len] = '\0';
	if (!is_plain(program))
		return complain("this program's path cannot be written into a service's file",
				program);
	text_init(&t, arguments, sizeof(arguments));
	why = put_arguments(argc - 1, argv + 1, &t, &what);
	if (why)
		return complain(why, what);
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		if (strcmp(managers[i].name, argv[2]) == 0) {
			print(managers[i].text, program, arguments);
			return fflush(stdout) == 0 ? 0 : 1;
		}
	}
	return complain("no such service manager", argv[2]);
}
