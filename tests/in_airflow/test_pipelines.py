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


def test_values_that_stand_in_files_of_their_own(pipelines: Pipelines) -> None:
    pipelines.write("shops.csv", "shop,number\nberlin,0030\n")
    pipelines.write("_env.yaml", "SHOP: ${matrix.shop}\nNUMBER: ${matrix.number}\n")
    pipelines.write(
        "shops.yaml",
        "version: 1\nmatrix: {$file: shops.csv}\ntasks:\n"
        "  - {id: a, uses: bash, with: {command: echo $SHOP $NUMBER, env: {$file: _env.yaml},"
        " output: true}}\n",
    )
    run = pipelines.run("shops__berlin")
    assert (run.state, run.xcom("a")) == ("success", "berlin 0030")
