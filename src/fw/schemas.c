/* The one table of schemas: see schemas.h. */
#include "fw/schemas.h"

#include "fw/firewall.h"
#include "fw/ip_masq.h"
#include "fw/isolated.h"
#include "fw/ports.h"
#include "fw/spoof.h"
#include "fw/underlay.h"

const struct fw_schema *const fw_schemas[] = { &firewall, &isolated, &masquerade,
					       &ports,	  &spoof,    &underlay };
const size_t fw_schema_count = sizeof(fw_schemas) / sizeof(fw_schemas[0]);
