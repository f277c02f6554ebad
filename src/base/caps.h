/*
 * Privileges: what a plugin may still do once it has begun to read what others wrote.
 */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

/*
 * Give up every capability but those that attaching a pod needs, for good in this process. What it
 * executes as root (a foreign IPAM plugin) gets the full set again by execve(2). Does nothing where
 * the kernel refuses: a caller without privileges has none to lose.
 */
void caps_limit(void);

#endif
