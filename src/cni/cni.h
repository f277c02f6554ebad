/*
 * The vocabulary of the CNI protocol: commands, versions, error codes, attachments.
 * Follows the CNI specification 1.1.0, sections "Section 2: Execution Protocol" and "Error".
 */
#ifndef CNI_CNI_H
#define CNI_CNI_H

#include <stdbool.h>

struct err;

enum cni_command { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION };

/* In order, so that they compare with < and >=. */
enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_VERSIONS
};
#define CNI_LATEST CNI_1_1_0

/* Codes below 100 are the specification's. */
enum cni_code {
	CNI_ERR_VERSION = 1,   /* incompatible CNI version */
	CNI_ERR_FIELD = 2,     /* unsupported field in the configuration: msg names key and value */
	CNI_ERR_CONTAINER = 3, /* container unknown or does not exist */
	CNI_ERR_ENVIRONMENT = 4,    /* invalid environment variables: msg names them */
	CNI_ERR_IO = 5,		    /* reading stdin, writing the result */
	CNI_ERR_DECODE = 6,	    /* stdin is no valid JSON, or a key has the wrong type */
	CNI_ERR_CONFIG = 7,	    /* invalid network configuration */
	CNI_ERR_TRY_AGAIN = 11,	    /* transient: call again later */
	CNI_ERR_NOT_AVAILABLE = 50, /* STATUS: the plugin cannot serve ADD */
	CNI_ERR_LIMITED = 51, /* STATUS: nor have the containers that are there all they should */
	CNI_ERR_KERNEL = 100, /* the kernel refused a request */
	CNI_ERR_EXISTS = 101, /* the interface exists, the attachment already holds an address, or
				  another one has the host port */
	CNI_ERR_FULL = 102,   /* no address is free */
	CNI_ERR_STATE = 103,  /* a state file or directory cannot be used */
	CNI_ERR_UNSUPPORTED = 104, /* the kernel lacks a feature: msg names it */
	CNI_ERR_DIFFERS = 105,	   /* CHECK: the attachment is not as it was made */
};

/* An attachment's identity (specification: "Section 1", "Attachment"). */
struct cni_attachment {
	const char *network;
	const char *container_id;
	const char *ifname;
};

const char *cni_version_text(enum cni_version v);
bool cni_version_parse(const char *s, enum cni_version *out);
const char *cni_command_text(enum cni_command c);
bool cni_command_parse(const char *s, enum cni_command *out);

/*
 * Names that become part of paths, link names and aliases, there in their short forms
 * (cni/attachment.h). The specification's alphabet: a letter or digit, then letters, digits, '_',
 * '.', '-'. It has no limit; ours, a page, only keeps a mistake from being written into every file.
 */
#define CNI_NAME_MAX 4096
bool cni_id_valid(const char *s);
bool cni_network_valid(const char *s);

/*
 * As the kernel's dev_valid_name() and the specification: 1 to 15 bytes, no '/', ':' or blanks, not
 * "." or "..".
 */
bool cni_ifname_valid(const char *s);

#endif
