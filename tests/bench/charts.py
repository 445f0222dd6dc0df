"""Growth curves as SVG: one line a picture, an axis that counts in powers of ten."""
import math

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 320, 80, 48, 40


def nice_top(value):
    """The next 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def curve(title, x_words, y_words, points):
    """The picture of (x, y) points, x over zero; y begins at zero."""
    top = nice_top(max(y for _, y in points))
    low, high = (math.log10(choose(x for x, _ in points)) for choose in (min, max))
    span = high - low or 1

    def place(x, y):
        return (LEFT + (math.log10(x) - low) / span * (WIDTH - LEFT - 24),
                HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - TOP))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{LEFT}" y="22" font-size="14">{title}</text>']
    for i in range(5):
        y = top * i / 4
        _, at = place(points[0][0], y)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 24}" y1="{at:.1f}" y2="{at:.1f}" '
                     'stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{short(y)}</text>')
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="2"/>')
    for x, y in points:
        at_x, at_y = place(x, y)
        parts.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="3.5" fill="#1f6feb">'
                     f'<title>{short(x)}: {y:,.0f}</title></circle>')
        parts.append(f'<text x="{at_x:.1f}" y="{HEIGHT - BOTTOM + 18}" '
                     f'text-anchor="middle">{short(x)}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
                 f'{x_words}</text>')
    parts.append(f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" '
                 f'transform="rotate(-90 16 {HEIGHT / 2})">{y_words}</text></svg>')
    return "\n".join(parts) + "\n"


COLOURS = ("#1f6feb", "#8250df", "#bf3989", "#cf222e", "#bc4c00", "#9a6700", "#1a7f37", "#0a7ea4",
           "#57606a", "#8c959f", "#424a53", "#afb8c1")


def shares(title, parts):
    """A row for each (words, share of 100), the largest first."""
    row, left, width = 24, 250, 640
    high = TOP + row * len(parts) + 12
    most = max(share for _, share in parts)
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{high}" '
             f'viewBox="0 0 {width} {high}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{high}" fill="white"/>',
             f'<text x="12" y="22" font-size="14">{title}</text>']
    for i, (words, share) in enumerate(sorted(parts, key=lambda part: -part[1])):
        y = TOP + row * i
        length = share / most * (width - left - 70)
        drawn.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{words}</text>')
        drawn.append(f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="{row - 8}" '
                     f'fill="{COLOURS[i % len(COLOURS)]}"/>')
        drawn.append(f'<text x="{left + length + 6:.1f}" y="{y + 15}">{share:.1f} %</text>')
    return "\n".join(drawn) + "\n</svg>\n"
