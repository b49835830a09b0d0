from .pipelines import Pipelines

SPEC = """
version: 1
tasks:
  - id: say
    uses: bash
    with: {command: "echo hello $WHO on {{ ds }}", env: {WHO: world}, output: true}
  - id: fail
    needs: [say]
    run: exit 3
"""


def test_a_run_tells_states_output_and_log(pipelines: Pipelines) -> None:
    pipelines.write("team/greet.yaml", SPEC)
    run = pipelines.run("greet")
    assert run.state == "failed"
    assert run.states == {"say": "success", "fail": "failed"}
    assert run.xcom("say") == "hello world on 2024-01-02"
    assert run.xcom("fail") is None
    assert "non-zero exit code 3" in run.log
