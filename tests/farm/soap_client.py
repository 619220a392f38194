"""Submits notifications through Python's zeep, which knows nothing but the service's description.

Usage: soap_client.py WSDL-URL OPERATOR-TOKEN MONITOR-TOKEN
"""

import sys

import requests
import zeep
from lxml import etree
from zeep.transports import Transport


def client(url: str, token: str, port: str):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    return zeep.Client(url, transport=Transport(session=session), port_name=port)


def main() -> None:
    url, operator, monitor = sys.argv[1:]
    for port, version in [("Soap11", "SOAP 1.1"), ("Soap12", "SOAP 1.2")]:
        service = client(url, operator, port).service
        answer = service.Submit(
            target=["application:mail"],
            status="unavailable",
            reason="planned-maintenance",
            message=f"From {version}",
            duration_seconds=600,
        )
        assert answer.node == "a" and answer.id, answer
        assert answer.delivery[0].state in ("queued", "applied"), answer
        try:
            service.Submit(target=["application:nope"], status="unavailable")
        except zeep.exceptions.Fault as fault:
            assert fault.code.split(":")[-1] in ("Client", "Sender"), fault.code
            assert b"targets[0]" in etree.tostring(fault.detail), etree.tostring(fault.detail)
        else:
            raise AssertionError("an unknown application was taken")
    # The schema alone: a document of each kind is valid, a wrong one is not.
    schema = requests.get(url.replace("?wsdl", "?xsd"), headers={"Authorization": f"Bearer {monitor}"}, timeout=10)
    schema = etree.XMLSchema(etree.fromstring(schema.content))
    good = b'<notification xmlns="urn:forewarn:v1"><target>system</target><status>available</status></notification>'
    bad = good.replace(b"available<", b"open<")
    assert schema.validate(etree.fromstring(good)), schema.error_log
    assert not schema.validate(etree.fromstring(bad))
    print("ok")


main()
