"""Reports: measures of representations as one HTML file that needs no network.

They need plotly (the extra ``report``) to be written, and nothing but a browser to be
read.
"""

from ._report import RepresentationReport

__all__ = ["RepresentationReport"]
