/*
 * Records of devices as files: for device.c alone.
 *
 *	cnibox device 1
 *	network NAME
 *	container ID
 *	interface eth0
 *	name eth5
 *	kind veth			(of what has no hardware)
 *	bus pci/0000:00:04.0
 *	permanent 52:54:00:12:34:56
 *	mac 52:54:00:12:34:56
 *	peer 7
 *	mtu 1500
 *	group 0
 *	up
 *	elsewhere			(where its peer is)
 *	alias TEXT
 *	address 10.1.0.1/24
 */
#ifndef IFACE_DEVICE_FILE_H
#define IFACE_DEVICE_FILE_H

#include <stdbool.h>

struct cni_attachment;
struct device;
struct err;

/* The directory, locked; -ENOENT without a text when it is not there and is not to be made. */
int device_dir_open(bool create, struct err *e);

/* 1; 0: there is none. -EBADMSG: it is damaged. */
int device_read(int dir, const struct cni_attachment *at, struct device *d, struct err *e);
int device_write(int dir, const struct device *d, struct err *e);
int device_remove(int dir, const struct cni_attachment *at, struct err *e);

/*
 * fn for each record; one that is damaged is passed over. Anything but 0 from fn ends the walk and
 * is returned; else, if a record could not be read, that failure, after all others were visited.
 * fn may remove the record.
 */
typedef int device_fn(int dir, struct device *d, void *arg);
int device_each(int dir, struct device *d, device_fn *fn, void *arg, struct err *e);

/* Remove what killed writers have left: a living one holds the lock. */
int device_sweep(int dir, struct err *e);

#endif
