#!/bin/sh
# The internet's only page: the address that the request came from. BusyBox
# writes an IPv4 peer of its IPv6 socket as [::ffff:A].
peer=${REMOTE_ADDR#\[}
peer=${peer%]}
printf 'Content-Type: text/plain\r\n\r\n%s\n' "${peer#::ffff:}"
