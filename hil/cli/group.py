"""The command ``hil`` and its subcommands, which load when they are called: start-up time is a feature."""

from __future__ import annotations

import importlib

import click

# name -> (module of hil.cli with a click command called `command`, one line of help)
_COMMANDS = {
    "run": ("run", "Run suites on a rig and keep the evidence."),
    "decode": ("decode", "Show GBCS messages as people read them."),
    "encode": ("encode", "Make a command of any use case from named values."),
    "use-cases": ("use_cases", "Show what the catalogue knows of the use cases."),
    "corpus": ("corpus", "Decode, re-encode and verify many messages."),
    "replay": ("replay", "Answer reference commands with emulated devices and compare the replies."),
    "pki": ("pki", "Make test keys and certificates."),
    "emulate": ("emulate", "Run the emulated premises of a rig in this process."),
    "faults": ("faults", "List what can be made to go wrong on purpose."),
    "report": ("report", "Make the report of a run again from its journal."),
    "journal": ("journal", "Show the journal of a run as text, for comparing runs."),
    "capture": ("capture", "Count the frames of a capture by layer."),
    "sniff": ("sniff", "Capture live from a radio."),
    "doctor": ("doctor", "Say what is missing here, and the command that fixes it."),
}


class LazyGroup(click.Group):
    """A click group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table above."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"hil.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.version_option(package_name="smets-hil", prog_name="hil")
def cli() -> None:
    """Open hardware-in-the-loop bench for GB smart metering."""
