/* All schemas of fw.h, for whoever is about all attachments: the node program. */
#ifndef FW_SCHEMAS_H
#define FW_SCHEMAS_H

#include <stddef.h>

struct fw_schema;

extern const struct fw_schema *const fw_schemas[];
extern const size_t fw_schema_count;

#endif
