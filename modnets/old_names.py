"""Names that stood in ``modnets`` up to version 0.1, and where they are now."""

_MOVED = {
    "analysis": """
        ARRANGEMENTS FAMILIES VersionSpace arithmetic_of arrange by_density chance_level choose
        costs_of course exact_answers exact_counts exact_curves forward_flops gaps gate_family
        gate_shares gates kaplan_meier last majority_floor matched_hidden paired_difference
        probes redundancy relative_costs rewiring sample_complexity slot_changes solve_times
        time_to_solve turning_points varying_settings version_spaces visits
        with_choices
    """,
    "models": """
        CNN GateFit MLP ModularNetwork Recovery compare n_weights
    """,
    "tasks": """
        DONT_CARE DigitPairs Digits Gate Split SubFunction TASK_SETS gate get_graph load_digits
        random_graph read_table split_rows split_task
    """,
    "plot": """
        ACCURACIES diagram_legend draw_before_after draw_legend draw_runs draw_scale kind_style
        module_colors outcome used_slots
    """,
}
_FIGURES = """
    plot_accuracy plot_benchmark plot_costs plot_course plot_digit_pairs plot_dynamics
    plot_gap plot_gaps plot_generalization plot_inside plot_ladder plot_multi_task
    plot_needed plot_recovery plot_solve_times plot_solved plot_time_to_solve plot_timeline
    plot_training_efficiency
"""

#: Old name in ``modnets`` -> new one, as ``"plot.heatmap"``.
OLD_NAMES = {
    **{name: f"{space}.{name}" for space, names in _MOVED.items() for name in names.split()},
    **{name: f"plot.{name.removeprefix('plot_')}" for name in _FIGURES.split()},
    "every_table": "analysis.dense_version_space",
    "EveryTable": "analysis.DenseVersionSpace",
    "learning_curves": "analysis.training_curves",
    "plot_heat": "plot.heatmap",
    "plot_heats": "plot.heatmaps",
    "plot_learning_curves": "plot.training_curves",
    "plot_worth": "plot.knowledge_savings",
    "read_out": "models.fit_gates",
    "Readout": "models.GateFit",
    "version_space": "analysis.modular_version_space",
    "worth": "analysis.knowledge_savings",
}
