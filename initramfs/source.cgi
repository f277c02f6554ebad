#!/bin/sh
# The internet's only page: the address that the request came from. BusyBox
# writes an IPv4 peer of its IPv6 socket as [::ffff:A]. With ?whom the server's own.
peer=${REMOTE_ADDR#\[}
peer=${peer%]}
[ "$QUERY_STRING" != whom ] || peer=$(ip -4 -o addr show dev eth0 | sed 's,.*inet \([0-9.]*\).*,\1,; q')
printf 'Content-Type: text/plain\r\n\r\n%s\n' "${peer#::ffff:}"
