"""Encapsulates and decapsulates packets with scapy: a line of JSON in, one out."""

import json
import sys

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation


def parse(packet):
    return (IPv6 if packet[0] >> 4 == 6 else IP)(packet)


def association(request):
    arguments = {
        "spi": request["spi"],
        "seq_num": request["sequence"],
        "crypt_algo": request["cipher"],
        "crypt_key": bytes.fromhex(request["cipherKey"]) or None,
        "auth_algo": request["mac"],
        "auth_key": bytes.fromhex(request["macKey"]) or None,
    }
    if request["extended"]:
        arguments.update(esn_en=True, esn=request["sequenceHigh"])
    tunnel = request.get("tunnel")
    if tunnel:
        header = IPv6 if ":" in tunnel["source"] else IP
        arguments["tunnel_header"] = header(src=tunnel["source"], dst=tunnel["destination"])
    return SecurityAssociation(ESP, **arguments)


def answer(request):
    packet = parse(bytes.fromhex(request["packet"]))
    if request["operation"] == "encapsulate":
        iv = bytes.fromhex(request["iv"]) or None
        return bytes(association(request).encrypt(packet, iv=iv))
    return bytes(association(request).decrypt(packet))


for line in sys.stdin:
    try:
        reply = {"packet": answer(json.loads(line)).hex()}
    except Exception as error:  # noqa: BLE001 - all of them are answers
        reply = {"error": repr(error)}
    print(json.dumps(reply), flush=True)
