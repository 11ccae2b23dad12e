"""What it means when `sudo` does not start a command."""

from lifeboat.errors import AccessError, LifeboatError, PreflightError, ToolError

_REFUSALS = ("sudo: ", "Sorry, user ", "sorry, you ")


def sudo_error(host: str, exit_status: int, stderr: str) -> LifeboatError | None:
    """Given a host's name and what a failed command left, return the error if sudo refused it, else None."""
    first = stderr.partition("\n")[0]
    if exit_status == 127 and "sudo: " in first:
        return ToolError(
            f"'sudo' is not installed on host '{host}'.",
            next_step="Install sudo there, or log in as the account of run_as.",
        )
    if exit_status != 1 or not (first.startswith(_REFUSALS) or "not in the sudoers file" in first):
        return None
    if "unknown user" in first:
        return PreflightError(
            f"The account of run_as does not exist on host '{host}': {first}",
            next_step="Correct run_as in the deployment file, or create the account on that host.",
        )
    return AccessError(
        f"sudo refused to change the account on host '{host}': {first}",
        next_step="Allow it without a password in sudoers: `LOGIN ALL=(ACCOUNT) NOPASSWD:SETENV: ALL`.",
    )
