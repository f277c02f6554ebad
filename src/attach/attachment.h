/* For ipMasq, until it moves to a room of its own. */
#ifndef ATTACH_ATTACHMENT_H
#define ATTACH_ATTACHMENT_H

#include "cni/attachment.h"

#endif
