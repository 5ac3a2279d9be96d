"""Figures of results, and diagrams of networks, runs and tasks."""

from .visuals.benchmark import plot_benchmark as benchmark
from .visuals.benchmark import plot_benchmark_grid as benchmark_grid
from .visuals.changing_goals import plot_changing_goals as changing_goals
from .visuals.data_sets import plot_by_kind as by_kind
from .visuals.diagrams.network import diagram_legend as diagram_legend
from .visuals.diagrams.network import draw as draw
from .visuals.diagrams.runs import draw_before_after as draw_before_after
from .visuals.diagrams.runs import draw_runs as draw_runs
from .visuals.diagrams.runs import outcome as outcome
from .visuals.diagrams.task import draw_graph as draw_graph
from .visuals.diagrams.usage import used_slots as used_slots
from .visuals.digit_pairs import plot_digit_pairs as digit_pairs
from .visuals.discovery import draw_pruned as draw_pruned
from .visuals.discovery import plot_calibration as calibration
from .visuals.discovery import plot_discovery as discovery
from .visuals.dynamics import plot_course as course
from .visuals.dynamics import plot_dynamics as dynamics
from .visuals.dynamics import plot_timeline as timeline
from .visuals.efficiency import plot_costs as costs
from .visuals.efficiency import plot_solve_times as solve_times
from .visuals.efficiency import plot_time_to_solve as time_to_solve
from .visuals.efficiency import plot_training_efficiency as training_efficiency
from .visuals.figure_info import figure_info as figure_info
from .visuals.gate_shares import plot_inside as inside
from .visuals.generalization import plot_generalization as generalization
from .visuals.heatmaps import ACCURACIES as ACCURACIES
from .visuals.heatmaps import draw_scale as draw_scale
from .visuals.heatmaps import plot_heatmap as heatmap
from .visuals.heatmaps import plot_heatmaps as heatmaps
from .visuals.interfaces import plot_interfaces as interfaces
from .visuals.knowledge import plot_knowledge_savings as knowledge_savings
from .visuals.ladder import plot_ladder as ladder
from .visuals.legends import draw_legend as draw_legend
from .visuals.multi_task import plot_multi_task as multi_task
from .visuals.multi_task import plot_needed as needed
from .visuals.overview import plot_overview as overview
from .visuals.plots import plot_accuracy as accuracy
from .visuals.plots import plot_solved as solved
from .visuals.power_laws import plot_power_laws as power_laws
from .visuals.recovery import plot_recovery as recovery
from .visuals.routing_methods import plot_routing_methods as routing_methods
from .visuals.routing_methods import plot_shares as shares
from .visuals.rows_law import plot_needed_rows as needed_rows
from .visuals.rows_law import plot_rows_law as rows_law
from .visuals.rows_law import plot_saved as saved
from .visuals.style import kind_style as kind_style
from .visuals.style import module_colors as module_colors
from .visuals.style import save_figure as save_figure
from .visuals.style import style as style
from .visuals.theory import plot_gap as gap
from .visuals.theory import plot_gaps as gaps
from .visuals.training_curves import plot_training_curves as training_curves
from .visuals.transfer import plot_transfer as transfer
from .visuals.transfer import way_name as way_name
from .visuals.wrong_knowledge import plot_wrong_knowledge as wrong_knowledge

# Type checkers hand on an import of another name only if it stands here.
__all__ = [
    "ACCURACIES",
    "accuracy",
    "benchmark",
    "benchmark_grid",
    "by_kind",
    "calibration",
    "changing_goals",
    "costs",
    "course",
    "diagram_legend",
    "digit_pairs",
    "discovery",
    "draw",
    "draw_before_after",
    "draw_graph",
    "draw_legend",
    "draw_pruned",
    "draw_runs",
    "draw_scale",
    "dynamics",
    "figure_info",
    "gap",
    "gaps",
    "generalization",
    "heatmap",
    "heatmaps",
    "inside",
    "interfaces",
    "kind_style",
    "knowledge_savings",
    "ladder",
    "module_colors",
    "multi_task",
    "needed",
    "needed_rows",
    "outcome",
    "overview",
    "power_laws",
    "recovery",
    "routing_methods",
    "rows_law",
    "save_figure",
    "saved",
    "shares",
    "solve_times",
    "solved",
    "style",
    "time_to_solve",
    "timeline",
    "training_curves",
    "training_efficiency",
    "transfer",
    "used_slots",
    "way_name",
    "wrong_knowledge",
]
