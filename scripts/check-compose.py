#!/usr/bin/env python3
"""Holds a compose file against the ring file that it starts its nodes with: names, addresses, ports, networks.

    check-compose.py COMPOSE RING       prints a line for each contradiction; exit status 1 if there is one
"""

import ipaddress
import sys
import tomllib

import yaml

compose_path, ring_path = sys.argv[1:]
with open(compose_path, encoding="utf-8") as file:
    compose = yaml.safe_load(file)
with open(ring_path, "rb") as file:
    ring = tomllib.load(file)

findings = []
services = compose["services"]
networks = {
    name: ipaddress.ip_network(network["ipam"]["config"][0]["subnet"]) for name, network in compose["networks"].items()
}
nodes = {node["id"]: node for node in ring["node"]}


def expect(holds, text):
    if not holds:
        findings.append(text)


expect(set(services) == set(nodes), f"services {sorted(services)}, nodes of the ring {sorted(nodes)}")
expect(set(networks) == {"wan"} | set(ring["country"]), f"networks {sorted(networks)}, countries {sorted(ring['country'])}")
expect(compose["networks"].get("wan", {}).get("internal") is True, "wan must be internal")
published = []
for name, service in services.items():
    node = nodes.get(name)
    if node is None:
        continue
    environment = service["environment"]
    own = service["networks"]
    addresses = {network: attachment["ipv4_address"] for network, attachment in own.items()}
    expect(environment.get("ATOLL_NODE") == name, f"{name}: ATOLL_NODE is {environment.get('ATOLL_NODE')}")
    expect(
        str(environment.get("ATOLL_INSECURE", "${ATOLL_INSECURE:?")).startswith("${ATOLL_INSECURE:?"),
        f"{name}: ATOLL_INSECURE is for the operator to say",
    )
    expect(set(own) == {"wan", node["country"]}, f"{name}: networks {sorted(own)}")
    for key, network in (("peer", "wan"), ("http", node["country"])):
        host, port = node[key].rsplit(":", 1)
        expect(addresses.get(network) == host, f"{name}: {key} is {host}, its address on {network} {addresses.get(network)}")
        inside = network in networks and ipaddress.ip_address(host) in networks[network]
        expect(inside, f"{name}: {host} is not in the subnet of {network}")
        if key == "http":
            for mapping in service["ports"]:
                address, outside, target = mapping.split(":")
                published.append(outside)
                expect(target == port, f"{name}: publishes {target}, listens on {port}")
                expect(ipaddress.ip_address(address).is_loopback, f"{name}: publishes on {address}, beyond loopback")
    data = [volume.split(":") for volume in service["volumes"]]
    expect([name, "/var/lib/atoll"] in data, f"{name}: no volume of its own at /var/lib/atoll")
    configs = {config["target"]: config["source"] for config in service["configs"]}
    source = compose["configs"].get(configs.get(environment.get("ATOLL_RING")), {})
    expect(source.get("file") == ring_path.rsplit("/", 1)[-1], f"{name}: ATOLL_RING does not lead to {ring_path}")
expect(len(set(published)) == len(published), f"a port is published twice: {published}")

for finding in findings:
    print(finding)
sys.exit(1 if findings else 0)
