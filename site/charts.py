"""Draws the charts of the guides from worked cases: events in the order of arrival, and the resulting shifts.

    charts.py CASES FOLDER

CASES is the file of worked cases that the fold is tested with, so a chart shows nothing that is not tested. FOLDER holds the
pages. A page that shows `charts/in-twice.svg` gets a chart of the case "in twice".
"""
import html
import json
import pathlib
import re
import sys

WIDTH, MARGIN = 720, 24
LOGIN, LOGOUT, SHIFT, CONSENT, GREY, INK = "#1b7837", "#b2182b", "#2166ac", "#e6f0fa", "#767676", "#222222"

OUTCOMES = {
    "OPENED_SHIFT": "opened a shift",
    "CONTINUED_SHIFT": "continued in the next shift",
    "CLOSED_SHIFT": "closed the shift",
    "ALREADY_OPEN": "no effect: already open",
    "LOGOUT_WITHOUT_LOGIN": "no effect: no login before it",
    "BEFORE_CONSENT": "rejected: before the consent",
    "UNMATCHED": "waiting: not matched at that instant",
    "VOIDED": "taken back",
}
ENDS = {
    "LOGOUT": "ended by a logout",
    "AUTO": "ended automatically",
    "PLANNED": "ended as planned",
    "WITHDRAWN": "ended with the consent",
    "OPEN": "still open",
}


def main(cases, folder):
    by_name = {re.sub(r"\W+", "-", case["name"]): case for case in json.loads(cases.read_text())}
    wanted = {name for page in folder.glob("*.md") for name in re.findall(r"charts/([\w-]+)\.svg", page.read_text())}
    charts = folder / "charts"
    charts.mkdir(exist_ok=True)
    for name in wanted:
        (charts / f"{name}.svg").write_text(draw(by_name[name]))


def draw(case):
    """Returns an SVG: a row of events, a row of shifts, an axis of hours, and a legend with the outcome of each event."""
    instants = [event[0] for event in case["events"]]
    ends = [end or case["now"] for _, end, _ in case["shifts"]]
    first, last = min(instants) // 60 * 60 - 60, -(-max(instants + ends) // 60) * 60 + 60
    scale = (WIDTH - 2 * MARGIN) / (last - first)

    def x(minute):
        return round(MARGIN + (min(max(minute, first), last) - first) * scale, 1)

    parts = []
    for given, withdrawn in case.get("consents", []):
        width = round(x(last if withdrawn is None else withdrawn) - x(given), 1)
        parts.append(f'<rect x="{x(given)}" y="8" width="{width}" height="100" fill="{CONSENT}"/>')
        parts.append(text(x(given) + 4, 104, "consent", GREY, 11))
    for hour in range(first // 60, last // 60 + 1, max(1, (last - first) // 60 // 8)):
        parts.append(f'<path d="M{x(hour * 60)} 112v5" stroke="{GREY}"/>')
        parts.append(text(x(hour * 60), 130, f"{hour % 24:02}:00", GREY, 11, "middle"))
    parts.append(f'<path d="M{MARGIN} 112H{WIDTH - MARGIN}" stroke="{GREY}"/>')
    for start, end, ended_by in case["shifts"]:
        width = round(x(end or case["now"]) - x(start), 1)
        pale = ' fill-opacity="0.6"' if ended_by == "OPEN" else ""
        parts.append(f'<rect x="{x(start)}" y="66" width="{width}" height="22" rx="3" fill="{SHIFT}" stroke="#ffffff"{pale}/>')

    outcomes = {(event[0], event[1]): event[2] for event in case["outcomes"]}
    line, stacked, seen = 156, {}, set()
    for order, (minute, kind, *planned) in enumerate(case["events"], 1):
        colour = LOGIN if kind == "LOGIN" else LOGOUT
        height = stacked[minute] = stacked.get(minute, -1) + 1  # events at one instant are stacked
        y = 54 - 17 * height
        parts.append(f'<path d="M{x(minute)} {y}V108" stroke="{colour}" stroke-dasharray="2 2"/>')
        parts.append(f'<circle cx="{x(minute)}" cy="{y - 8}" r="8" fill="{colour}"/>')
        parts.append(text(x(minute), y - 4, str(order), "#ffffff", 11, "middle"))
        outcome = OUTCOMES[outcomes[minute, kind]] if (minute, kind) not in seen else "no effect: repeated event"
        seen.add((minute, kind))
        plan = f", until {clock(planned[0])}" if planned and planned[0] is not None else ""
        parts.append(f'<circle cx="{MARGIN + 8}" cy="{line - 4}" r="8" fill="{colour}"/>')
        parts.append(text(MARGIN + 8, line, str(order), "#ffffff", 11, "middle"))
        parts.append(text(MARGIN + 26, line, f"{kind} {clock(minute)}{plan}: {outcome}", INK, 13))
        line += 22
    for start, end, ended_by in case["shifts"]:
        until = "" if end is None else f" to {clock(end)}"
        parts.append(f'<rect x="{MARGIN}" y="{line - 11}" width="16" height="14" rx="3" fill="{SHIFT}"/>')
        parts.append(text(MARGIN + 26, line, f"shift from {clock(start)}{until}, {ENDS[ended_by]}", INK, 13))
        line += 22
    size = f'width="{WIDTH}" height="{line - 6}" viewBox="0 0 {WIDTH} {line - 6}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n'


def clock(minute):
    day = minute // 1440
    return f"{minute // 60 % 24:02}:{minute % 60:02}" + (f" (+{day} d)" if day else "")


def text(x, y, content, colour, size, anchor="start"):
    font = f'font-family="system-ui, sans-serif" font-size="{size}"'
    return f'<text x="{x}" y="{y}" {font} fill="{colour}" text-anchor="{anchor}">{html.escape(content)}</text>'


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
