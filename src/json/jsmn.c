/* jsmn's functions, once: the header holds them too. */
#define JSMN_PARENT_LINKS /* as in tokens.h */
#include <jsmn.h>
