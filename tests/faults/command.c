/* How a subject is called: as a runtime calls a plugin, or by a command line. */
#include "sweep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *plugins;

__attribute__((format(printf, 2, 3))) static char *put(struct command *c, const char *fmt, ...)
{
	char *at = c->text + c->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, sizeof(c->text) - c->used, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(c->text) - c->used)
		die("a command is too long");
	c->used += (size_t)n + 1;
	return at;
}

/* The configuration, with one more key. */
static const char *input_with(struct command *c, const char *config, const char *key,
			      const char *value)
{
	return put(c, "%.*s,\"%s\":%s}", (int)strlen(config) - 1, config, key, value);
}

static unsigned int number_of(const char *pod)
{
	return (unsigned int)atoi(pod + strcspn(pod, "0123456789"));
}

/*
 * The configuration; '@' in it stands for the pod's last letter as a digit, "a" is 1, and the only
 * '#' for the number in the pod's name.
 */
static const char *input_of(struct command *c, const char *config, const char *pod)
{
	const char *number = strchr(config, '#');
	char *input = number ? put(c, "%.*s%u%s", (int)(number - config), config, number_of(pod),
				   number + 1)
			     : put(c, "%s", config);

	for (char *at = input; (at = strchr(at, '@')); at++)
		*at = (char)('1' + (pod[strlen(pod) - 1] - 'a') % 9);
	return input;
}

static void make_call(struct command *c, const struct subject *s, enum verb v, const char *pod,
		      const char *prev, bool no_netns)
{
	unsigned int n = 0;

	c->argv[0] = put(c, "%s/%s", plugins, s->program);
	c->env[n++] = put(c, "CNI_COMMAND=%s", verb_names[v]);
	c->env[n++] = put(c, "CNI_PATH=%s", plugins);
	c->input = input_of(c, s->config, pod);
	if (v == GC) {
		c->input = input_with(c, c->input, "cni.dev/valid-attachments",
				      "[{\"containerID\":\"id-b\",\"ifname\":\"eth0\"}]");
		return;
	}
	c->env[n++] = put(c, "CNI_CONTAINERID=id-%s", pod);
	c->env[n++] = put(c, "CNI_IFNAME=%s", s->loopback ? "lo" : "eth0");
	c->env[n++] = no_netns ? put(c, "CNI_NETNS=") : put(c, "CNI_NETNS=/run/netns/%s", pod);
	if (v == CHECK)
		c->input = input_with(c, c->input, "prevResult", prev);
}

/* The port goes by the number in the pod's name. */
static char *ports_of(struct command *c, unsigned int first, const char *pod)
{
	unsigned int port = first + number_of(pod);

	return put(c,
		   "CAP_ARGS={\"portMappings\":[{\"hostPort\":%u,\"containerPort\":80,\"protocol\":"
		   "\"tcp\"},{\"hostPort\":%u,\"containerPort\":53,\"protocol\":\"udp\"}]}",
		   port, port);
}

static void make_line(struct command *c, const struct subject *s, const char *line, const char *pod)
{
	unsigned int n = 0;
	const char *here = strstr(line, "%s");
	char *words = here ? put(c, "%.*s%s%s", (int)(here - line), line, pod, here + 2)
			   : put(c, "%s", line),
	     *word;

	c->argv[n] = put(c, "%s/%s", plugins, strtok(words, " "));
	while ((word = strtok(NULL, " ")) != NULL)
		c->argv[++n] = word;
	c->resident = s->resident && line == s->lines[ADD];
	c->env[0] = put(c, "CNI_PATH=%s", plugins);
	c->env[1] = put(c, "NETCONFPATH=/etc/cni/sweep");
	if (s->first_port)
		c->env[2] = ports_of(c, s->first_port, pod);
}

void command_make(struct command *c, const struct subject *s, enum verb v, const char *pod,
		  const char *prev, bool no_netns)
{
	memset(c, 0, offsetof(struct command, text));
	c->used = 0;
	if (s->config)
		make_call(c, s, v, pod, prev, no_netns);
	else
		make_line(c, s, s->lines[v], pod);
}
