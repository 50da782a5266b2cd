"""Which addresses may be called: names become IP addresses here, and only checked ones are used."""

import ipaddress
import queue
import socket
import threading

#: Ends of names that only private networks use (RFC 6761, RFC 6762, RFC 8375, and by custom).
_INNER = (".local", ".internal", ".lan", ".home", ".home.arpa", ".localhost", ".localdomain")
#: Prefixes whose addresses carry an IPv4 address inside (RFC 6052, RFC 3056).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unresolved(Exception):
    """The name has no address, or none came in time; the text is the short cause."""


def resolve(host: str, port: int, timeout_s: float) -> list[tuple[int, str]]:
    """The (family, IP address) pairs of a name, in the system's order. Raises Unresolved.

    The system's resolver knows no time limit, so it runs in a thread that may be left behind.
    """
    try:
        literal = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        family = socket.AF_INET6 if literal.version == 6 else socket.AF_INET
        return [(family, str(literal))]
    answers: queue.SimpleQueue[list[tuple[int, str]] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            answers.put([(int(family), str(address[0])) for family, *_, address in found])

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout_s, 0.001))
    except queue.Empty:
        raise Unresolved(f"lookup {host}: i/o timeout") from None
    if isinstance(answer, OSError):
        known = isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_AGAIN
        reason = "temporary failure in name resolution" if known else "no such host"
        raise Unresolved(f"lookup {host}: {reason}") from None
    return answer


def facing(host: str, port: int, timeout_s: float) -> str:
    """The IP address of this machine that a host in a private network sees; empty for a host on the
    public internet, which sees another one, and for one that is not known."""
    try:
        [(family, address), *_] = resolve(host, port, timeout_s)
    except Unresolved:
        return ""
    if is_public(address):
        return ""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, port))  # sends nothing, and asks the routing table
        except OSError:
            return ""
        return str(probe.getsockname()[0]).partition("%")[0]


def is_inner(host: str, port: int, timeout_s: float) -> bool:
    """Whether a name or address means something in a private network alone: one without a dot, one
    of the names that are reserved for such networks, or one that leads to no public address."""
    host = host.lower().rstrip(".")
    try:
        return not is_public(str(ipaddress.ip_address(host.strip("[]"))))
    except ValueError:
        pass
    if "." not in host or host.endswith(_INNER):
        return True
    try:
        return not any(is_public(ip) for _, ip in resolve(host, port, timeout_s))
    except Unresolved:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address lies on the public internet, also when it hides in another form."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast
