"""Figures as drawn, and draws to make them from."""

from copy import deepcopy

import pandas as pd
from plotnine import ggplot

LABELS = {
    "outcome": "Score",
    "time": "Months since start",
    "unit": "Participant",
    "group": "Arm",
    "intercept": "Level",
    "slope": "Change per month",
}


def draw(figure):
    """Panels of a figure as matplotlib axes; and every layer's data as drawn, plot by plot."""
    plot = deepcopy(figure.plot)
    drawn = plot.draw()
    drawn.canvas.draw()
    plots = _plots(plot)
    return drawn, [[layer.data for layer in p.layers] for p in plots]


def _plots(plot):
    return [plot] if isinstance(plot, ggplot) else [p for item in plot for p in _plots(item)]


def texts(drawn):
    found = drawn.findobj(lambda artist: hasattr(artist, "get_text"))
    return {artist.get_text() for artist in found if artist.get_visible()} - {""}


def tick_labels(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def long_draws(rng, means, n=60, sd=0.03, **columns):
    frames = [pd.DataFrame({"id": unit, "value": rng.normal(mean, sd, n)}) for unit, mean in means.items()]
    return pd.concat(frames, ignore_index=True).assign(**columns)
