"""A script written for stock Pipes, that knows nothing of engineshed."""

from dagster_pipes import PipesMetadataValue, open_dagster_pipes

with open_dagster_pipes() as pipes:
    pipes.log.info("stock %s %s", pipes.asset_key, pipes.run_id)
    pipes.report_asset_materialization(
        metadata={"rows": PipesMetadataValue(type="int", raw_value=41), "note": "as ever"}, data_version="v7"
    )
    pipes.report_asset_check("rows_are_odd", passed=True, severity="WARN", metadata={"rows": 41})
    pipes.report_asset_check("never_declared", passed=False)
