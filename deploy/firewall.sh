#!/bin/sh
# What one client may do to the proxy on this machine, which cannot bound it itself. Run it as root with the name of the
# proxy: nginx, haproxy or caddy. You may repeat it: it replaces its own rules and no others. docs/operations.md says how
# the rules are kept, and more.
set -e

# Of an IPv4 address or IPv6 /64, and of a /48: connections at once, new connections in a second, bytes in a second.
# Browsers open one connection to nginx, and six to the others, which have no HTTP/2.
case "$1" in
    nginx) one='100 20 128kb' wide='300 60 256kb' ;;
    haproxy | caddy) one='500 200 256kb' wide='1000 400 512kb' ;;
    *)
        echo "usage: sh firewall.sh nginx|haproxy|caddy" >&2
        exit 2
        ;;
esac

tcp=/proc/sys/net/netfilter/nf_conntrack_tcp
if ! [ -e ${tcp}_loose ] || [ "$(cat ${tcp}_loose)" != 0 ] || [ "$(cat ${tcp}_timeout_time_wait)" -gt 10 ] ||
    [ "$(cat ${tcp}_timeout_close)" -gt 10 ]; then
    echo "firewall.sh: first set what docs/operations.md says of Linux, by sysctl. Nothing was changed." >&2
    exit 1
fi

ports='-p tcp -m multiport --dports 80,443'
# Linux keeps a table of the clients of each rule. By default it has 65,536 places, and when it is full, Linux drops what
# anybody else sends. An IPv6 /48 has as many /64s: one client could fill it.
by_client='-m hashlimit --hashlimit-htable-max 262144 --hashlimit-name'

# limit MASK CONNECTIONS NEW BYTES: of each network with this mask.
limit() {
    $tables -A inviting_app $by_client "inv_bytes_$1" --hashlimit-mode srcip --hashlimit-srcmask "$1" \
        --hashlimit-above "$4/s" -j DROP
    $tables -A inviting_app -p tcp --syn $by_client "inv_new_$1" --hashlimit-mode srcip --hashlimit-srcmask "$1" \
        --hashlimit-above "$3/second" --hashlimit-burst "$2" -j REJECT --reject-with tcp-reset
    $tables -A inviting_app -p tcp --syn -m connlimit --connlimit-above "$2" --connlimit-mask "$1" \
        -j REJECT --reject-with tcp-reset
}

for tables in iptables ip6tables; do
    $tables -N inviting_app 2>/dev/null || $tables -F inviting_app
    # First of all rules: below one that accepts what belongs to a connection, those about bytes would see nothing.
    $tables -C INPUT $ports -j inviting_app 2>/dev/null || $tables -I INPUT $ports -j inviting_app
    $tables -A inviting_app -m conntrack --ctstate INVALID -j DROP
    # By a FIN ahead of its time, a client can make Linux take an open connection for closed, and not count it. On a closed
    # one, a client sends an acknowledgement and resets. Three packets are let through, and not a few in each minute: one
    # in 29 seconds keeps a connection of nginx open. Linux keeps closed ones for ten seconds, as the settings in
    # docs/operations.md tell it to, and no others for less than thirty. It shows 0 seconds for a new one, which is not
    # ESTABLISHED: otherwise the SYNs of one client could fill this table.
    $tables -A inviting_app -p tcp ! --tcp-flags RST RST -m conntrack --ctstate ESTABLISHED --ctexpire 0:10 \
        $by_client inv_closed --hashlimit-mode srcip,srcport --hashlimit-above 1/hour --hashlimit-burst 3 \
        --hashlimit-htable-expire 60000 -j DROP
done

tables=iptables
limit 32 $one
tables=ip6tables
limit 64 $one
limit 48 $wide
