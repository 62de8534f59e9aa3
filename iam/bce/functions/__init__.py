"""Who represents whom: sources of functions, believed in sets. `apply_feed` is the feed's way in."""

from iam.bce.functions.feed import FeedReport, Limits, apply_feed

__all__ = ["FeedReport", "Limits", "apply_feed"]
