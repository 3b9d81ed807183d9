"""What a message says: questions that block, offers, claims, chants."""

from __future__ import annotations

import pytest

from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.messages import alike, chant, claims_green, ends_with_question, sketch


@pytest.mark.parametrize(
    "text",
    [
        "Which database should I use?",
        "I can drop the table. Should I go ahead?",
        "Shall I proceed with the deletion now?",
        "Two ways:\n1. keep it\n2. drop it\n\n**Which one do you prefer?**",
        "Please confirm that I may push to main.",
        "This removes 40 files. Continue? (y/n)",
        "I am waiting for your approval before I deploy.",
        "Let me know which of the two you want.",
        "どちらのデータベースを使いますか？",
        "x" * 3000 + "\n\nShould the old column stay?",
    ],
)
def test_a_question_that_blocks(text: str) -> None:
    blocks, words = ends_with_question(excerpt(text))
    assert blocks and words


@pytest.mark.parametrize(
    "text",
    [
        "Done. Would you like me to also update the docs?",
        "All set. Is there anything else I can help with?",
        "Ready. What should I do?",
        "Hello! How can I help you today?",
        "Fixed. Want me to add a test for it as well?",
        "What would you like to work on next?",
    ],
)
def test_an_offer_blocks_nothing(text: str) -> None:
    blocks, words = ends_with_question(excerpt(text))
    assert not blocks and words


@pytest.mark.parametrize(
    "text",
    [
        "Done.",
        "",
        "Why did it fail? Because the key was missing.",
        "Let me know if you have any questions.",
        "I renamed `is_ok?` to `ok`.",
        "What was wrong?\nThe path had a space in it.",
    ],
)
def test_no_question(text: str) -> None:
    assert ends_with_question(excerpt(text)) == (False, "")


@pytest.mark.parametrize(
    "text",
    [
        "All tests pass.",
        "I fixed it and all 12 tests are passing now.",
        "The test suite is green.",
        "Both tests pass after the change.",
        "Fixed the parser.\nTests are now green.",
    ],
)
def test_a_claim_that_tests_pass(text: str) -> None:
    assert claims_green(excerpt(text))


@pytest.mark.parametrize(
    "text",
    [
        "All tests should pass now.",
        "Run the tests to see whether they pass.",
        "Once all tests pass, merge it.",
        "Not all tests pass.",
        "The tests do not pass yet.",
        "I could not get the tests passing.",
        "If the tests pass, I will commit.",
        "This makes the request pass the proxy.",
    ],
)
def test_no_claim(text: str) -> None:
    assert not claims_green(excerpt(text))


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("I look at the file again. " * 12, 12),
        ("Now I will check the config of the service and then go on.\n" * 11, 11),
        ("go on with the next one and " * 30, 10),
        (
            "Some words first, of which there are many and all of them differ. " + "It is the same thing again. " * 10,
            10,
        ),
        ("The very same sentence that is said again and again. " * 200, 100),
    ],
)
def test_a_chant(text: str, least: int) -> None:
    assert chant(excerpt(text))[0] >= least


@pytest.mark.parametrize(
    "text",
    [
        "- the same item of a list\n" * 30,
        "| the same | cell of a table |\n" * 30,
        "> the same line of a quote\n" * 30,
        "```\nprint('the same line of code')\n" * 1 + "print('the same line of code')\n" * 30 + "```",
        "    an indented line of code, again\n" * 30,
        "1. the same numbered item\n" * 30,
        "Yes. No. " * 40,
        " ".join(f"Sentence number {n} says something of its own." for n in range(40)),
        "=" * 900,
        "ab" * 500,
    ],
)
def test_no_chant(text: str) -> None:
    assert chant(excerpt(text))[0] < 10


def test_likeness_of_two_texts() -> None:
    words = "open the migration file look at the users table and apply it with care then run every test of the suite"
    assert alike(sketch(words), sketch(words + " again")) > 0.75
    assert (
        alike(sketch(words), sketch("bake a cake from flour sugar eggs butter milk vanilla and a pinch of salt")) < 0.3
    )
    assert alike(sketch(""), sketch(words)) == 0.0
