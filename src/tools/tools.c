/* The list of tools: see tools.h. */
#include "tools/tools.h"

#define TOOL_ADDRESS(t) &(t),
const struct tool *const tools[] = { TOOLS(TOOL_ADDRESS) };
const unsigned int tool_count = sizeof(tools) / sizeof(tools[0]);
