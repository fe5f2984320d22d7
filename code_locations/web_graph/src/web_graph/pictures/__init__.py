"""Pictures of the web graph: drawn from the two published tables of `graph_aggr`, without any other input."""

from web_graph.pictures.degrees import draw_degrees
from web_graph.pictures.drawing import draw_network, draw_network_svg
from web_graph.pictures.metadata import describe, illustrate
from web_graph.pictures.tables import top_pairs_markdown

__all__ = ["describe", "draw_degrees", "draw_network", "draw_network_svg", "illustrate", "top_pairs_markdown"]
