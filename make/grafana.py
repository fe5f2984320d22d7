"""Grafana's JSON of a board, by Grafana's own builders, which only builds need."""

from __future__ import annotations

import json
from typing import Any

from engineshed.telemetry.boards.panels import Board, Draw, Panel
from engineshed.telemetry.metrics import ATTEMPTS

DATASOURCE = "${datasource}"
_HEIGHT = {Draw.NUMBER: 4, Draw.TABLE: 8}


def as_grafana(board: Board, dagster_url: str = "") -> str:
    """The board as Grafana reads it. dagster_url: address of Dagster's pages, for a link to the list of runs."""
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["engineshed"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("utc")
        .editable()
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus").label("Prometheus"))
    )
    for name in board.variables:
        made = made.with_variable(_variable(name))
    made = made.link(_boards_link())
    if dagster_url:
        made = made.link(_dagster_link(dagster_url))
    for row in board.rows:
        made = made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(_panel(panel))
    plain = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    return json.dumps(plain, indent=2, sort_keys=True) + "\n"


def _variable(name: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

    return (
        dashboard.QueryVariable(name)
        .label(name.replace("_", " "))
        .datasource(DataSourceRef(type_val="prometheus", uid=DATASOURCE))
        .query(f"label_values({ATTEMPTS.name}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _boards_link() -> Any:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import DashboardLinkType

    link = dashboard.DashboardLink("engineshed").type(DashboardLinkType.DASHBOARDS).tags(["engineshed"])
    return link.as_dropdown(True).include_vars(True).keep_time(True)


def _dagster_link(url: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import DashboardLinkType

    return dashboard.DashboardLink("Runs in Dagster").type(DashboardLinkType.LINK).url(f"{url}/runs").target_blank(True)


def _panel(panel: Panel) -> Any:
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    made = _kind(panel)
    made = (
        made.title(panel.title)
        .description(panel.description)
        .unit(str(panel.unit))
        .datasource(DataSourceRef(type_val="prometheus", uid=DATASOURCE))
        .span(panel.width)
        .height(_HEIGHT.get(panel.draw, 8))
        .thresholds(_thresholds(panel))
    )
    for n, query in enumerate(panel.queries):
        made = made.with_target(_target(panel, query.expr, query.legend, chr(ord("A") + n)))
    return made


def _kind(panel: Panel) -> Any:
    from grafana_foundation_sdk.builders import bargauge, common, stat, table, timeseries
    from grafana_foundation_sdk.models.common import (
        GraphThresholdsStyleMode,
        LegendDisplayMode,
        LegendPlacement,
        StackingMode,
        TooltipDisplayMode,
        VizOrientation,
    )

    if panel.draw is Draw.NUMBER:
        return stat.Panel()
    if panel.draw is Draw.BARS:
        return bargauge.Panel().orientation(VizOrientation.HORIZONTAL)
    if panel.draw is Draw.TABLE:
        return table.Panel()
    legend = common.VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM)
    made = (
        timeseries.Panel()
        .legend(legend.display_mode(LegendDisplayMode.LIST))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .fill_opacity(30 if panel.draw is Draw.STACKED else 5)
        .line_width(1)
        .min(0)
    )
    if panel.warn is not None or panel.alarm is not None:
        made = made.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    if panel.draw is Draw.STACKED:
        made = made.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    return made


def _thresholds(panel: Panel) -> Any:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode

    steps = [(panel.warn, "yellow"), (panel.alarm, "red")]
    stated = [(value, colour) for value, colour in steps if value is not None]
    if panel.low_is_bad:
        # Grafana colours upwards from each value: red at the bottom, each colour up to the next value.
        bounds = sorted(value for value, _ in stated)
        colours = ["red", "yellow", "green"][-len(bounds) - 1 :]
        found = [Threshold(value=None, color=colours[0])]
        found += [Threshold(value=value, color=colour) for value, colour in zip(bounds, colours[1:], strict=True)]
    else:
        found = [Threshold(value=None, color="green")]
        found += [Threshold(value=value, color=colour) for value, colour in stated]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def _target(panel: Panel, expr: str, legend: str, ref_id: str) -> Any:
    from grafana_foundation_sdk.builders import prometheus
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

    made = prometheus.Dataquery().expr(expr).ref_id(ref_id).legend_format(legend)
    if panel.draw is Draw.TABLE:
        return made.instant().format(PromQueryFormat.TABLE)
    return made.instant() if panel.draw in (Draw.NUMBER, Draw.BARS) else made.range()
