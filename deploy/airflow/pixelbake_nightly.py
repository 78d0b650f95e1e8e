"""A nightly DAG for Airflow 3: one task, the same command as the other schedules.

It runs the command in a process of its own, so that pixelbake's environment is never Airflow's.
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

with DAG(
    "pixelbake_nightly",
    description="Bake the pixels of new TFRecords",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    params={
        "pixelbake": Param("/opt/pixelbake/bin/pixelbake", type="string"),
        "job": Param("/etc/pixelbake/nightly.yaml", type="string"),
    },
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
):
    # The last line, one of JSON, becomes the task's XCom. Code 75 says that another job is writing
    # the same run: the task counts as skipped.
    BashOperator(
        task_id="run",
        bash_command="exec '{{ params.pixelbake }}' run --if-changed --resume --json "
        "'{{ params.job }}'",
        skip_on_exit_code=75,
        execution_timeout=timedelta(hours=8),
    )
