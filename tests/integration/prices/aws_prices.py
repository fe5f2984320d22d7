"""AWS' price list and EC2's spot prices over HTTP, for the real boto3: products are found by their attributes alone.

Shapes: AWS Price List Query API Reference, GetProducts; EC2 API Reference, DescribeSpotPriceHistory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

PUBLISHED = "2026-11-20T10:11:12Z"


def product(service: str, usd: str, unit: str = "Hrs", **attributes: str) -> dict[str, Any]:
    """One entry of the price list."""
    family = attributes.pop("productFamily", "Compute Instance")
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "description": f"{usd} per {unit}"}
    return {
        "product": {"productFamily": family, "attributes": {"servicecode": service, **attributes}, "sku": "ABC"},
        "terms": {"OnDemand": {"ABC.JRTCKXETXF": {"priceDimensions": {"ABC.JRTCKXETXF.6YS6EN2CT7": dimension}}}},
        "publicationDate": PUBLISHED,
    }


def machine(name: str, region: str, usd: str, **changed: str) -> dict[str, Any]:
    """An EC2 machine: Linux, shared, in use, unless changed."""
    attributes = {"operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared", "capacitystatus": "Used"}
    return product("AmazonEC2", usd, instanceType=name, regionCode=region, **{**attributes, **changed})


@dataclass
class AwsPrices:
    """What AWS knows. spot: (region, machine) -> zone -> price. denied: the calls it refuses. asked: calls seen."""

    url: str
    products: list[dict[str, Any]] = field(default_factory=list)
    spot: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def get_products(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Products of the service that have all the values asked for; two a page."""
        wanted = {f["Field"]: f["Value"] for f in asked["Filters"]}
        fit = [json.dumps(p) for p in self.products if _fits(p["product"], asked["ServiceCode"], wanted)]
        start = int(asked.get("NextToken", "0"))
        more = {"NextToken": str(start + 2)} if start + 2 < len(fit) else {}
        return {"FormatVersion": "aws_v1", "PriceList": fit[start : start + 2], **more}

    def spot_history(self, region: str, name: str) -> str:
        """The answer of EC2, in its XML."""
        items = "".join(
            f"<item><instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription>"
            f"<spotPrice>{escape(usd)}</spotPrice><timestamp>2026-11-27T20:00:00.000Z</timestamp>"
            f"<availabilityZone>{zone}</availabilityZone></item>"
            for zone, usd in self.spot.get((region, name), {}).items()
        )
        space = "http://ec2.amazonaws.com/doc/2016-11-15/"
        return (
            f'<DescribeSpotPriceHistoryResponse xmlns="{space}"><requestId>1</requestId>'
            f"<spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken/></DescribeSpotPriceHistoryResponse>"
        )


def _fits(said: Mapping[str, Any], service: str, wanted: Mapping[str, str]) -> bool:
    has = {"productFamily": said["productFamily"], **said["attributes"]}
    return has["servicecode"] == service and all(has.get(name) == value for name, value in wanted.items())


@contextmanager
def aws_prices() -> Iterator[AwsPrices]:
    """A server on a free port."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            target = self.headers.get("X-Amz-Target", "")
            known.asked.append(target or "DescribeSpotPriceHistory")
            if known.asked[-1] in known.denied:
                self._say(400, json.dumps({"__type": "AccessDeniedException", "message": "not authorised"}))
            elif target == "AWSPriceListService.GetProducts":
                self._say(200, json.dumps(known.get_products(json.loads(body))))
            else:
                asked = parse_qs(body)
                region = self.headers["Authorization"].split("/")[2]
                self._say(200, known.spot_history(region, asked["InstanceType.1"][0]))

        def _say(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    known = AwsPrices(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
