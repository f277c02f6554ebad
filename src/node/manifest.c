/*
 * The manifest for a cluster: see service.h. The agent has one capability and no privileged flag.
 * In such a container /proc/sys cannot be written: where forwarding is off, the agent says so, and
 * privileged=true lets it turn it on.
 */
#include "node/service.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cluster/cluster.h"
#include "node/wg_key.h"

#define VALUE_MAX 128

enum key {
	KEY_IMAGE,
	KEY_NAMESPACE,
	KEY_BIN_DIR,
	KEY_CONF_DIR,
	KEY_SERVER,
	KEY_PORT,
	KEY_PRIVILEGED,
	KEY_BACKEND,
	KEYS
};

static const struct manifest_key {
	const char *name, *value, *help;
} keys[KEYS] = {
	[KEY_IMAGE] = { "image", "localhost/cnibox:" CNIBOX_VERSION,
			"the image, as make image names it" },
	[KEY_NAMESPACE] = { "namespace", "kube-system", "where the agent runs" },
	[KEY_BIN_DIR] = { "cniBinDir", "/opt/cni/bin", "the host's plugins" },
	[KEY_CONF_DIR] = { "cniConfDir", "/etc/cni/net.d", "the host's CNI configuration" },
	[KEY_SERVER] = { "server", "",
			 "https://HOST:PORT of the API server itself, which also answers before "
			 "kube-proxy runs" },
	[KEY_PORT] = { "port", "9107", "of /healthz, /readyz and /metrics on 127.0.0.1" },
	[KEY_PRIVILEGED] = { "privileged", "",
			     "true: where a node does not forward yet, it is made to" },
	[KEY_BACKEND] = { "backend", "",
			  "direct, vxlan or wireguard: the way to nodes that are not on link; the "
			  "nodes tell each other by annotations" },
};

/* "@N" stands for the value of key N; a line that begins with "?N" is there when it has one. */
static const char template[] =
	"apiVersion: v1\n"
	"kind: ServiceAccount\n"
	"metadata:\n"
	"  name: cnibox\n"
	"  namespace: @1\n"
	"---\n"
	"apiVersion: rbac.authorization.k8s.io/v1\n"
	"kind: ClusterRole\n"
	"metadata:\n"
	"  name: cnibox\n"
	"rules:\n"
	"- apiGroups: [\"\"]\n"
	"  resources: [\"nodes\"]\n"
	"?7  verbs: [\"list\", \"watch\", \"patch\"]\n"
	"!7  verbs: [\"list\", \"watch\"]\n"
	"- apiGroups: [\"\"]\n"
	"  resources: [\"nodes/status\"]\n"
	"  verbs: [\"patch\"]\n"
	"---\n"
	"apiVersion: rbac.authorization.k8s.io/v1\n"
	"kind: ClusterRoleBinding\n"
	"metadata:\n"
	"  name: cnibox\n"
	"roleRef:\n"
	"  apiGroup: rbac.authorization.k8s.io\n"
	"  kind: ClusterRole\n"
	"  name: cnibox\n"
	"subjects:\n"
	"- kind: ServiceAccount\n"
	"  name: cnibox\n"
	"  namespace: @1\n"
	"---\n"
	"apiVersion: apps/v1\n"
	"kind: DaemonSet\n"
	"metadata:\n"
	"  name: cnibox\n"
	"  namespace: @1\n"
	"  labels: {app: cnibox}\n"
	"spec:\n"
	"  selector:\n"
	"    matchLabels: {app: cnibox}\n"
	"  updateStrategy:\n"
	"    rollingUpdate: {maxUnavailable: \"10%\"}\n"
	"  template:\n"
	"    metadata:\n"
	"      labels: {app: cnibox}\n"
	"    spec:\n"
	"      hostNetwork: true\n"
	"      dnsPolicy: ClusterFirstWithHostNet\n"
	"      priorityClassName: system-node-critical\n"
	"      serviceAccountName: cnibox\n"
	"      terminationGracePeriodSeconds: 5\n"
	"      tolerations:\n"
	"      - operator: Exists\n"
	"      nodeSelector:\n"
	"        kubernetes.io/os: linux\n"
	"      initContainers:\n"
	"      - name: install\n"
	"        image: @0\n"
	"        args: [\"install\", \"/host/bin\"]\n"
	"        securityContext:\n"
	"          allowPrivilegeEscalation: false\n"
	"          readOnlyRootFilesystem: true\n"
	"          capabilities: {drop: [\"ALL\"], add: [\"DAC_OVERRIDE\", \"FOWNER\"]}\n"
	"        volumeMounts:\n"
	"        - {name: bin, mountPath: /host/bin}\n"
	"      containers:\n"
	"      - name: node\n"
	"        image: @0\n"
	"        args:\n"
	"        - node\n"
	"        - run\n"
	"        - --kubernetes\n"
	"        - --listen\n"
	"        - 127.0.0.1:@5\n"
	"?4        - --server\n"
	"?4        - @4\n"
	"?7        - --backend\n"
	"?7        - @7\n"
	"        env:\n"
	"        - name: NODE_NAME\n"
	"          valueFrom: {fieldRef: {fieldPath: spec.nodeName}}\n"
	"        securityContext:\n"
	"?6          privileged: true\n"
	"!6          allowPrivilegeEscalation: false\n"
	"!6          capabilities: {drop: [\"ALL\"], add: [\"NET_ADMIN\", \"DAC_OVERRIDE\"]}\n"
	"          readOnlyRootFilesystem: true\n"
	"        resources:\n"
	"          requests: {cpu: 5m, memory: 4Mi}\n"
	"          limits: {memory: 64Mi}\n"
	"        livenessProbe:\n"
	"          httpGet: {host: 127.0.0.1, port: @5, path: /healthz}\n"
	"        readinessProbe:\n"
	"          httpGet: {host: 127.0.0.1, port: @5, path: /readyz}\n"
	"        volumeMounts:\n"
	"        - {name: bin, mountPath: /opt/cni/bin, readOnly: true}\n"
	"        - {name: conf, mountPath: /etc/cni/net.d}\n"
	"        - {name: run, mountPath: /run/cnibox}\n"
	"        - {name: state, mountPath: /var/lib/cnibox}\n"
	"?7        - {name: key, mountPath: " WG_KEY_DIR "}\n"
	"      volumes:\n"
	"      - name: bin\n"
	"        hostPath: {path: @2, type: DirectoryOrCreate}\n"
	"      - name: conf\n"
	"        hostPath: {path: @3, type: DirectoryOrCreate}\n"
	"      - name: run\n"
	"        hostPath: {path: /run/cnibox, type: DirectoryOrCreate}\n"
	"      - name: state\n"
	"        hostPath: {path: /var/lib/cnibox, type: DirectoryOrCreate}\n"
	"?7      - name: key\n"
	"?7        hostPath: {path: " WG_KEY_DIR ", type: DirectoryOrCreate}\n";

/* Nothing that YAML would understand otherwise. */
static bool is_plain(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_./:@[]";

	return *s && strlen(s) < VALUE_MAX && s[strspn(s, plain)] == '\0';
}

static int find_key(const char *name, size_t len)
{
	for (int i = 0; i < KEYS; i++) {
		if (strlen(keys[i].name) == len && strncmp(keys[i].name, name, len) == 0)
			return i;
	}
	return -1;
}

static bool is_possible(enum key key, const char *value)
{
	if (key == KEY_PRIVILEGED)
		return strcmp(value, "true") == 0;
	if (key == KEY_BACKEND)
		return backend_parse(value) >= 0;
	if (key == KEY_PORT)
		return value[strspn(value, "0123456789")] == '\0';
	if (key == KEY_BIN_DIR || key == KEY_CONF_DIR)
		return *value == '/';
	return key != KEY_SERVER || strncmp(value, "https://", strlen("https://")) == 0;
}

/* NULL, or what is wrong. */
static const char *parse(int argc, char **argv, const char **values, const char **what)
{
	for (int i = 2; i < argc; i++) {
		const char *equals;
		int key;

		*what = argv[i];
		if (strcmp(argv[i], "--set") != 0)
			return "unexpected argument";
		if (++i == argc)
			return "an argument is missing behind";
		*what = argv[i];
		equals = strchr(argv[i], '=');
		key = equals ? find_key(argv[i], (size_t)(equals - argv[i])) : -1;
		if (key < 0)
			return "no such key";
		values[key] = equals + 1;
		if (!is_plain(values[key]) || !is_possible((enum key)key, values[key]))
			return "no value for this key";
	}
	return NULL;
}

static const char *line_end(const char *at)
{
	return strchr(at, '\n') + 1;
}

/* One line. Returns what is behind it. */
static const char *print_line(const char *at, const char *const *values)
{
	const char *end = line_end(at);

	if (*at == '?' || *at == '!') {
		bool has = *values[at[1] - '0'] != '\0';

		if (has != (*at == '?'))
			return end;
		at += 2;
	}
	for (; at < end; at++) {
		if (*at == '@')
			fputs(values[*++at - '0'], stdout);
		else
			putchar(*at);
	}
	return end;
}

/* A tag may have no plus, which a version has. */
static const char *default_image(void)
{
	static char image[VALUE_MAX];

	snprintf(image, sizeof(image), "%s", keys[KEY_IMAGE].value);
	for (char *c = image; *c; c++)
		*c = *c == '+' ? '-' : *c;
	return image;
}

int node_manifest(int argc, char **argv)
{
	const char *values[KEYS], *what = NULL, *why;

	for (size_t i = 0; i < KEYS; i++)
		values[i] = keys[i].value;
	values[KEY_IMAGE] = default_image();
	why = parse(argc, argv, values, &what);
	if (why) {
		fprintf(stderr, "node manifest: %s: %s (cnibox node --help says more)\n", why,
			what);
		return 2;
	}
	for (const char *at = template; *at;)
		at = print_line(at, values);
	return fflush(stdout) == 0 ? 0 : 1;
}

void node_manifest_help(void)
{
	for (size_t i = 0; i < KEYS; i++) {
		const char *value = i == KEY_IMAGE ? default_image() : keys[i].value;

		printf("  %-18s %s%s%s%s\n", keys[i].name, keys[i].help, *value ? " (" : "", value,
		       *value ? ")" : "");
	}
}
