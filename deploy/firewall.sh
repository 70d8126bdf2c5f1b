#!/bin/sh
# Limits what one client may do to the proxy on this machine. Run it as root with the name of the proxy: nginx, haproxy
# or caddy. You may repeat it: it replaces its own rules and no others. docs/operations.md says why the rules are needed,
# and how to keep them over a restart.
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

# limit TABLES MASK CONNECTIONS NEW BYTES: of each network with this mask. TABLES is iptables or ip6tables.
limit() {
    $1 -A inviting_app $by_client "inv_bytes_$2" --hashlimit-mode srcip --hashlimit-srcmask "$2" \
        --hashlimit-above "$5/s" -j DROP
    $1 -A inviting_app -p tcp --syn $by_client "inv_new_$2" --hashlimit-mode srcip --hashlimit-srcmask "$2" \
        --hashlimit-above "$4/second" --hashlimit-burst "$3" -j REJECT --reject-with tcp-reset
    $1 -A inviting_app -p tcp --syn -m connlimit --connlimit-above "$3" --connlimit-mask "$2" \
        -j REJECT --reject-with tcp-reset
}

for tables in iptables ip6tables; do
    $tables -N inviting_app 2>/dev/null || $tables -F inviting_app
    # First of all rules: below one that accepts what belongs to a connection, those about bytes would see nothing.
    $tables -C INPUT $ports -j inviting_app 2>/dev/null || $tables -I INPUT $ports -j inviting_app
    $tables -A inviting_app -m conntrack --ctstate INVALID -j DROP
    # With a FIN ahead of its time, a client can make Linux take an open connection for closed, and then it does not count.
    # On a closed connection an honest client sends an acknowledgement and resets. So three packets are let through. A
    # rate would not do: one packet in 29 seconds keeps a connection of nginx open.
    #
    # Linux forgets a closed connection after ten seconds (see the settings in docs/operations.md), and any other after
    # thirty or more. For a new connection it shows 0 seconds, but that is not ESTABLISHED. Without this condition, the
    # SYNs of one client could fill the table of this rule.
    $tables -A inviting_app -p tcp ! --tcp-flags RST RST -m conntrack --ctstate ESTABLISHED --ctexpire 0:10 \
        $by_client inv_closed --hashlimit-mode srcip,srcport --hashlimit-above 1/hour --hashlimit-burst 3 \
        --hashlimit-htable-expire 60000 -j DROP
done

limit iptables 32 $one
limit ip6tables 64 $one
limit ip6tables 48 $wide
