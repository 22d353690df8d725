"""Modules that the commands under kills import, once for all that are forked."""

# What a command imports, once for all that are forked from this process.
IMPORTED = (
    "nas.assemble.run_data",
    "nas.assemble.search",
    "nas.cli.ending",
    "nas.cli.repair",
    "nas.cli.search",
    "nas.cli.spending",
    "nas.config.compose",
    "nas.data.digits",
    "nas.record.environment",
    "nas.engine.loop",
    "nas.execution.inline",
    "nas.report.page",
    "nas.report.plots",
    "nas.report.reports",
    "matplotlib.backends.backend_agg",
    "optuna.storages.journal",
)
