#!/bin/sh
# What one client may do to nginx or HAProxy on this machine, which cannot bound it themselves. Run it as root, and again
# after a change: it replaces its own rules and no others. docs/operations.md says how the rules are kept, and more.
set -e

closed=/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait
if ! [ -e "$closed" ] || [ "$(cat "$closed")" -gt 10 ]; then
    echo "firewall.sh: first set what docs/operations.md says of Linux, by sysctl. Nothing was changed." >&2
    exit 1
fi

ports='-p tcp -m multiport --dports 80,443'
# Linux keeps a table of the clients of each rule. By default it has 65,536 places, and when it is full, Linux drops what
# anybody else sends. An IPv6 /48 has as many /64s: one client could fill it.
by_client='-m hashlimit --hashlimit-htable-max 262144 --hashlimit-name'

# limit MASK CONNECTIONS NEW BYTES: of a network with this mask, at most so many connections at once, and so many new
# ones and bytes in a second.
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
    # By a FIN ahead of its time, a client can make Linux take an open connection for closed, and not count it. On one that
    # is closed, a client sends only a few acknowledgements. Linux keeps closed ones for ten seconds, as the settings in
    # docs/operations.md tell it to, and no others for less than thirty.
    $tables -A inviting_app -m conntrack --ctstate INVALID -j DROP
    # A new one has no time to end yet, which reads as 0: it is not ESTABLISHED.
    $tables -A inviting_app -m conntrack --ctstate ESTABLISHED --ctexpire 0:10 $by_client inv_closed \
        --hashlimit-mode srcip,srcport --hashlimit-above 5/minute --hashlimit-burst 5 -j DROP
done

tables=iptables
limit 32 100 20 128kb
tables=ip6tables
limit 64 100 20 128kb
limit 48 300 60 256kb
