"""What our dashboards are made of."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
TAG = "slipstream"

# Grafana counts in 24 columns.
_NUMBER, _GRAPH = 4, 8
_HIGH, _LOW = 8, 4

# An expression and what its series are called.
Query = tuple[str, str]


def page(uid: str, title: str, description: str) -> Dashboard:
    """Return an empty dashboard."""
    others = DashboardLink("Slipstream").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others.keep_time(True))
        .readonly()
    )


def graph(
    title: str,
    *queries: Query,
    unit: str = "short",
    stacked: bool = False,
    limit: float | None = None,
    says: str = "",
) -> timeseries.Panel:
    """Return a chart over time; `limit` draws the line at which an alert fires."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).show_legend(True)
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(_GRAPH)
        .height(_HIGH)
        .fill_opacity(25 if stacked else 5)
        .legend(legend)
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if limit is not None:
        panel.thresholds(_thresholds((None, "green"), (limit, "red")))
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    return panel.targets(_targets(queries))


def number(
    title: str, expr: str, *, unit: str = "short", limit: float | None = None, says: str = ""
) -> stat.Panel:
    """Return one figure, large; red from `limit` on."""
    steps: list[tuple[float | None, str]] = [(None, "green")]
    if limit is not None:
        steps.append((limit, "red"))
    return (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .span(_NUMBER)
        .height(_LOW)
        .thresholds(_thresholds(*steps))
        .targets(_targets([(expr, "")]))
    )


def quantiles(metric: str, by: str = "", where: str = "") -> tuple[Query, ...]:
    """Return the median and the 99th percentile of a histogram, for each value of a label."""
    return tuple(
        (quantile(q, metric, by=by, where=where), f"{{{{{by}}}}} {name}" if by else name)
        for q, name in ((0.5, "p50"), (0.99, "p99"))
    )


def quantile(q: float, metric: str, *, by: str = "", where: str = "") -> str:
    """Return the expression of one quantile of a histogram."""
    labels = ", ".join(filter(None, ["le", by]))
    rate = f"rate({metric}_bucket{{{where}}}[$__rate_interval])"
    return f"histogram_quantile({q}, sum by ({labels}) ({rate}))"


def per_second(counter: str, by: str = "", where: str = "") -> str:
    """Return the expression of a counter's rate, for each value of labels; 0 without any."""
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({counter}{{{where}}}[$__rate_interval])) or on () vector(0)"


def written(dashboard: Dashboard) -> str:
    """Return the file that Grafana reads."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard.build()) + "\n"


def _targets(queries: Sequence[Query]) -> list[Builder[AnyQuery]]:
    return [
        Dataquery().expr(expr).legend_format(name).ref_id(chr(ord("A") + place))
        for place, (expr, name) in enumerate(queries)
    ]


def _thresholds(*steps: tuple[float | None, str]) -> ThresholdsConfig:
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)
