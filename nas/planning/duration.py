"""A time in words, as rough as an estimate is."""


def duration_words(seconds: float) -> str:
    """Return a time in one unit, or two where one says too little.

    >>> [duration_words(s) for s in (0.4, 42.4, 90, 3725, 90_000)]
    ['0.4 s', '42 s', '1.5 min', '1 h 2 min', '25 h']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 10:
        return f"{minutes:.1f} min"
    if minutes < 60:
        return f"{minutes:.0f} min"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h" if hours >= 24 or not rest else f"{hours} h {rest} min"
