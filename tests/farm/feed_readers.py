"""Reads a status page's feeds with libraries of others; prints what they found as JSON.

Usage: feed_readers.py http://HOST/.forewarn/status
"""

import datetime
import json
import os
import sys
import tempfile
import urllib.request

import feedparser
import icalendar
import recurring_ical_events

page = sys.argv[1]


def read(path):
    with urllib.request.urlopen(page + path) as answer:
        return answer.headers["content-type"], answer.read()


def calendar():
    kind, text = read("/calendar.ics")
    calendar = icalendar.Calendar.from_ical(text)
    now = datetime.datetime.now(datetime.timezone.utc)
    soon = recurring_ical_events.of(calendar).between(now, now + datetime.timedelta(days=2))
    event = lambda one: {
        "uid": str(one["UID"]),
        "summary": str(one["SUMMARY"]),
        "description": str(one.get("DESCRIPTION", "")),
        "minutes": (one["DTEND"].dt - one["DTSTART"].dt).total_seconds() / 60,
        "url": str(one["URL"]),
    }
    return {"type": kind, "version": str(calendar["VERSION"]), "soon": [event(one) for one in soon]}


def feed():
    kind, text = read("/feed.atom")
    found = feedparser.parse(text, response_headers={"content-type": kind})
    entry = lambda one: {"title": one.title, "id": one.id, "link": one.link, "text": one.content[0].value}
    return {
        "version": found.version,
        "well_formed": not found.bozo,
        "title": found.feed.title,
        "entries": [entry(one) for one in found.entries],
    }


def summary():
    """A Prometheus exporter for pages of Statuspage: it polls summary.json."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("services.json", "w") as file:
            json.dump({"farm": {"type": "status_page", "url": page + "/summary.json", "name": "Farm"}}, file)
        from statuspage_prometheus_exporter import service_checker

        return service_checker.check_service_status("farm", service_checker.SERVICES["farm"])


print(json.dumps({"calendar": calendar(), "feed": feed(), "summary": summary()}, default=str))
