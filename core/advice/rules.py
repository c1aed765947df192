"""Which optimizer fits: each rule one row of data, with its condition, its points and where it comes from.

One table, so that the whole advice can be read from top to bottom; how a condition is computed is in `case`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .case import Case, is_budget_tight
from .situation import FEWEST_EXAMPLES, LARGE_DATA, SMALL_DATA
from .task import task_kinds

GUIDE_SELECTION = "guide, optimizer selection: "
GUIDE_VERSUS = "guide, GEPA vs MIPROv2: "
GUIDE_POOR = "guide, poor candidates: "
GUIDE_GOOD = "guide, good candidates: "
GUIDE_COST = "guide, cost factors: "
DSPY_CHOICE = "DSPy docs, choosing an optimizer"
DSPY_SOURCE = "DSPy source: "

_SEARCHES = (
    "BootstrapFewShotWithRandomSearch",
    "BootstrapFewShotWithOptuna",
    "KNNFewShot",
    "COPRO",
    "MIPROv2",
    "SIMBA",
    "GEPA",
    "InferRules",
    "Ensemble",
    "BootstrapFinetune",
    "BetterTogether",
    "GRPO",
)
"""All that choose between candidates by score, or train weights; the others only collect demonstrations."""
_BOOTSTRAPS = (
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapFewShotWithOptuna",
    "KNNFewShot",
    "Ensemble",
    "InferRules",
    "BootstrapFinetune",
)
_FINETUNES = ("BootstrapFinetune", "BetterTogether", "GRPO")
_MANY_DEMOS = ("LabeledFewShot", "BootstrapFewShot", "BootstrapFewShotWithRandomSearch", "KNNFewShot")
EVERY = "*"
_LONG_DEMO = 1500
"""Input tokens from which a single demonstration is long."""
_LONG_PROMPT = 60_000
"""Tokens of train rows that many models cannot be shown in one prompt."""
_SIMBA_BATCH = 32
_MANY_ROWS_TO_SAMPLE = 100


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row: when it holds, whom it speaks for or against, and why."""

    id: str
    optimizers: tuple[str, ...]
    points: int
    when: Callable[[Case], bool]
    """False where the facts it needs were not measured."""
    reason: str
    """Braces as in `Case.words`."""
    source: str
    change: str = ""
    """What would make it hold (or, for a rule with negative points, stop holding); empty: nothing can."""
    change_when: Callable[[Case], bool] = lambda case: True
    """Whether that change is one a person would make here."""

    def concerns(self, optimizer: str) -> bool:
        return optimizer in self.optimizers or EVERY in self.optimizers

    def fill(self, text: str, case: Case) -> str:
        return text.format(**case.words)


RULES: tuple[Rule, ...] = (
    # The guide's selection table, row by row.
    Rule(
        id="small_data",
        optimizers=("BootstrapFewShot",),
        points=3,
        when=lambda case: 0 <= case.examples < SMALL_DATA,
        reason="{examples} examples are few: it teaches itself with minimal data",
        source=f"{GUIDE_SELECTION}small data (<50 examples)",
    ),
    Rule(
        id="medium_data",
        optimizers=("MIPROv2",),
        points=3,
        when=lambda case: SMALL_DATA <= case.examples <= LARGE_DATA,
        reason="{examples} examples are enough for its Bayesian search over instructions",
        source=f"{GUIDE_SELECTION}medium data (50-200 examples)",
        change="collect {missing_small}: from 50 on its search has something to go by",
        change_when=lambda case: 0 <= case.examples < SMALL_DATA,
    ),
    Rule(
        id="feedback",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.facts.gives_feedback,
        reason="the metric's feedback tells it which value was expected",
        source=f"{GUIDE_SELECTION}have feedback/logs",
        change="return feedback from the metric: dspy.Prediction(score=…, feedback=…)",
        change_when=lambda case: case.facts.metric is not None and case.facts.metric.feedback is False,
    ),
    Rule(
        id="feedback_explains",
        optimizers=("GEPA",),
        points=3,
        when=lambda case: case.facts.gives_feedback and case.explains,
        reason="the feedback explains what was wrong, which it turns into instructions",
        source=f"{GUIDE_SELECTION}have feedback/logs",
        change="say in the feedback why an answer is wrong, beyond what was expected and what came",
        change_when=lambda case: case.facts.gives_feedback,
    ),
    Rule(
        id="logs",
        optimizers=("GEPA",),
        points=2,
        when=lambda case: case.facts.data is not None and bool(case.facts.data.log_columns),
        reason="the data come from use, with what people said about the answers",
        source=f"{GUIDE_SELECTION}have feedback/logs",
        change="import production logs with feedback: `compilot data import`",
        change_when=lambda case: case.facts.data is not None and not case.facts.gives_feedback,
    ),
    Rule(
        id="multi_signature",
        optimizers=("GEPA",),
        points=3,
        when=lambda case: case.facts.is_pipeline,
        reason="{predictors} predictors: it is better at improving several components together",
        source=f"{GUIDE_SELECTION}multi-signature modules",
    ),
    Rule(
        id="smaller_model",
        optimizers=("BootstrapFinetune",),
        points=8,
        when=lambda case: case.facts.wishes.smaller_model,
        reason="a smaller model is wanted: it distills the program into its weights",
        source=f"{GUIDE_SELECTION}need smaller model",
        change="say that a smaller model is wanted: --smaller-model",
    ),
    Rule(
        id="budget_constrained",
        optimizers=("BootstrapFewShot",),
        points=3,
        when=lambda case: is_budget_tight(case.facts),
        reason="the budget is too small for the searches: it makes the fewest LM calls",
        source=f"{GUIDE_SELECTION}budget constrained",
    ),
    # GEPA vs MIPROv2, point by point.
    Rule(
        id="feedback_aware",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.facts.is_pipeline and case.facts.gives_feedback,
        reason="structured feedback guides its proposals for each of the {predictors} predictors",
        source=f"{GUIDE_VERSUS}feedback-aware",
    ),
    Rule(
        id="pareto_front",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.objectives > 1,
        reason="{objectives} sub-scores compete: its Pareto front keeps the best trade-offs",
        source=f"{GUIDE_VERSUS}Pareto frontier",
        change="return named sub-scores from the metric (then set frontier_type=objective)",
        change_when=lambda case: case.facts.metric is not None and case.objectives < 2,
    ),
    Rule(
        id="component_aware",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.facts.is_pipeline and case.routes,
        reason="the metric takes pred_name, so feedback reaches the predictor it is about",
        source=f"{GUIDE_VERSUS}component-aware",
        change="let the metric take pred_name and speak of that predictor",
        change_when=lambda case: case.facts.is_pipeline and case.facts.metric is not None,
    ),
    Rule(
        id="custom_proposer",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.facts.custom_proposer,
        reason="the recipe names a proposer that knows the domain",
        source=f"{GUIDE_VERSUS}custom proposers",
    ),
    Rule(
        id="merge",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.facts.is_pipeline and case.facts.merges,
        reason="it merges the best instructions of different candidates",
        source=f"{GUIDE_VERSUS}merge capability",
        change="set use_merge=true",
        change_when=lambda case: case.facts.is_pipeline and not case.facts.merges,
    ),
    # When to optimize, as far as it decides between optimizers.
    Rule(
        id="too_few_examples",
        optimizers=_SEARCHES,
        points=-8,
        when=lambda case: 0 <= case.examples < FEWEST_EXAMPLES,
        reason="{examples} examples: under {few} its scores cannot tell better from luck",
        source=f"{GUIDE_POOR}< 20 training examples",
        change="collect {missing_few}",
    ),
    Rule(
        id="few_shot_by_hand",
        optimizers=("LabeledFewShot",),
        points=3,
        when=lambda case: 0 <= case.examples < FEWEST_EXAMPLES,
        reason="under {few} examples, few-shot prompting is the better approach",
        source=f"{GUIDE_POOR}< 20 training examples",
    ),
    Rule(
        id="simple_task",
        optimizers=("LabeledFewShot",),
        points=1,
        when=lambda case: task_kinds(case.facts) == ("single-turn",),
        reason="a simple single-turn task: a few examples in the prompt often suffice",
        source=f"{GUIDE_POOR}simple single-turn tasks",
    ),
    Rule(
        id="structured_enums",
        optimizers=("GEPA",),
        points=1,
        when=lambda case: case.facts.program is not None and case.facts.program.enums > 0,
        reason="values that are not allowed make failures it can read and act on",
        source=f"{GUIDE_GOOD}structured output with enums",
    ),
    Rule(
        id="steady_answers",
        optimizers=("Ensemble",),
        points=6,
        when=lambda case: case.facts.wishes.consistent,
        reason="steady answers are wanted: a vote of several programs varies less",
        source=f"{GUIDE_GOOD}need consistent quality",
        change="say that steady answers matter more than their cost: --consistent",
    ),
    Rule(
        id="unsteady_baseline",
        optimizers=("Ensemble",),
        points=1,
        when=lambda case: case.unsteady,
        reason="the program's score varies from run to run, which a vote evens out",
        source=f"{GUIDE_GOOD}need consistent quality",
    ),
    # The DSPy docs, where the guide is silent.
    Rule(
        id="large_data",
        optimizers=("MIPROv2",),
        points=3,
        when=lambda case: case.examples > LARGE_DATA,
        reason="{examples} examples: enough for a long search without overfitting",
        source=f"{DSPY_CHOICE} (200 examples or more)",
    ),
    Rule(
        id="enough_for_search",
        optimizers=("BootstrapFewShotWithRandomSearch",),
        points=2,
        when=lambda case: case.examples >= SMALL_DATA,
        reason="{examples} examples: enough to choose among sets of demonstrations",
        source=f"{DSPY_CHOICE} (50 examples or more)",
        change="collect {missing_small}: from 50 on it can choose among sets",
        change_when=lambda case: 0 <= case.examples < SMALL_DATA,
    ),
    Rule(
        id="overfits_small_data",
        optimizers=("MIPROv2", "SIMBA", "COPRO"),
        points=-2,
        when=lambda case: FEWEST_EXAMPLES <= case.examples < SMALL_DATA,
        reason="{examples} examples: so long a search fits itself to them",
        source=f"{DSPY_CHOICE} (enough data to prevent overfitting)",
        change="collect {missing_small}",
    ),
    Rule(
        id="little_to_finetune",
        optimizers=_FINETUNES,
        points=-3,
        when=lambda case: 0 <= case.examples <= LARGE_DATA,
        reason="{examples} examples are few to train weights on",
        source=f"{DSPY_CHOICE} (finetuning)",
        change="collect {missing_large}, or let a strong teacher label some",
    ),
    Rule(
        id="alternates_finetuning",
        optimizers=("BetterTogether",),
        points=3,
        when=lambda case: case.facts.wishes.smaller_model,
        reason="a smaller model is wanted: it alternates prompts and weights, at several times the cost",
        source=DSPY_CHOICE,
    ),
    Rule(
        id="free_baseline",
        optimizers=("LabeledFewShot",),
        points=1,
        when=lambda case: (
            case.facts.data is not None
            and bool(case.facts.data.labels)
            and case.predictors == 1
            and not case.unlabeled
        ),
        reason="it costs nothing, and labels hold all that the one predictor answers: a baseline to beat",
        source="DSPy docs, BootstrapFewShot family",
    ),
    Rule(
        id="fills_unlabeled",
        optimizers=("BootstrapFewShot",),
        points=1,
        when=lambda case: bool(case.unlabeled),
        reason="its demonstrations also show {unlabeled}, which no label holds",
        source=f"{DSPY_SOURCE}bootstrap.py",
    ),
    # What follows from how each is built.
    Rule(
        id="demos_with_gaps",
        optimizers=("LabeledFewShot",),
        points=-2,
        when=lambda case: bool(case.unlabeled) or case.predictors > 1,
        reason="labeled rows make incomplete demonstrations of this program",
        source=f"{DSPY_SOURCE}vanilla.py",
        change="label what the predictors answer in between: {unlabeled}",
        change_when=lambda case: bool(case.unlabeled),
    ),
    Rule(
        id="no_labels",
        optimizers=("LabeledFewShot",),
        points=-4,
        when=lambda case: case.facts.data is not None and not case.facts.data.labels,
        reason="no column is a label, so there is nothing to put into the prompt",
        source=f"{DSPY_SOURCE}vanilla.py",
        change="label some rows",
    ),
    Rule(
        id="nothing_to_read",
        optimizers=("GEPA",),
        points=-3,
        when=lambda case: (
            case.facts.metric is not None
            and case.facts.metric.feedback is False
            and case.facts.data is not None
            and not case.facts.data.labels
        ),
        reason="neither feedback nor labels tell it what was wrong",
        source=f"{DSPY_SOURCE}gepa.py",
        change="return feedback from the metric, or label the rows",
    ),
    Rule(
        id="nothing_to_bootstrap",
        optimizers=_BOOTSTRAPS,
        points=-3,
        when=lambda case: case.facts.runs is not None and case.facts.runs.teacher_right == 0,
        reason="none of the teacher's attempts came out right, so there is nothing to learn from",
        source=f"{DSPY_SOURCE}bootstrap.py",
        change="set [metric] threshold so that good answers count, or a stronger models.teacher",
    ),
    Rule(
        id="runs_at_answer_time",
        optimizers=("KNNFewShot",),
        points=-1,
        when=lambda case: True,
        reason="it bootstraps anew for every answer, in production too",
        source=f"{DSPY_SOURCE}knn_fewshot.py",
    ),
    Rule(
        id="many_answers_each",
        optimizers=("Ensemble",),
        points=-2,
        when=lambda case: True,
        reason="every answer asks several programs, in production too",
        source=f"{DSPY_SOURCE}ensemble.py",
    ),
    Rule(
        id="sees_no_data",
        optimizers=("COPRO",),
        points=-1,
        when=lambda case: True,
        reason="its proposer sees scores but no row of data",
        source=f"{DSPY_SOURCE}copro_optimizer.py",
    ),
    Rule(
        id="scores_all_again",
        optimizers=("COPRO",),
        points=-1,
        when=lambda case: case.facts.is_pipeline,
        reason="with {predictors} predictors it scores every candidate again at each depth",
        source=f"{DSPY_SOURCE}copro_optimizer.py",
    ),
    Rule(
        id="embedded_knows_prompt_only",
        optimizers=("COPRO",),
        points=-3,
        when=lambda case: case.facts.embedded_proposer,
        reason="an embedded proposer knows its prompt only, and COPRO's holds no data",
        source="measured: no embedded model gains from it",
        change="set a real model in [models.proposer]",
    ),
    Rule(
        id="small_minibatch",
        optimizers=("SIMBA",),
        points=-2,
        when=lambda case: 0 <= case.train < _SIMBA_BATCH,
        reason="{train} train rows are less than one of its minibatches of 32",
        source=f"{DSPY_SOURCE}simba.py",
        change="give train at least 32 rows",
    ),
    Rule(
        id="rows_to_sample",
        optimizers=("SIMBA",),
        points=1,
        when=lambda case: case.train >= _MANY_ROWS_TO_SAMPLE,
        reason="{train} train rows: enough minibatches to find where answers vary",
        source=f"{DSPY_SOURCE}simba.py",
        change="give train at least 100 rows",
    ),
    Rule(
        id="rules_of_classes",
        optimizers=("InferRules",),
        points=1,
        when=lambda case: "classification" in task_kinds(case.facts),
        reason="what tells classes apart can be written down as rules",
        source=f"{DSPY_SOURCE}infer_rules.py",
    ),
    Rule(
        id="rows_in_one_prompt",
        optimizers=("InferRules",),
        points=-2,
        when=lambda case: case.train_tokens > _LONG_PROMPT,
        reason="its proposer reads all train rows at once, about {train_tokens} tokens",
        source=f"{DSPY_SOURCE}infer_rules.py",
        change="set data.limit, or a smaller train part",
    ),
    Rule(
        id="one_demonstration",
        optimizers=("BootstrapFewShotWithOptuna",),
        points=-1,
        when=lambda case: case.demo_tokens < _LONG_DEMO,
        reason="it gives each predictor a single demonstration, where several would fit",
        source=f"{DSPY_SOURCE}teleprompt_optuna.py",
    ),
    Rule(
        id="short_prompts",
        optimizers=("BootstrapFewShotWithOptuna", "GEPA"),
        points=1,
        when=lambda case: case.demo_tokens >= _LONG_DEMO,
        reason="a demonstration takes {demo_tokens} tokens: it keeps prompts short",
        source=f"{GUIDE_COST}trainset size",
    ),
    Rule(
        id="long_prompts",
        optimizers=_MANY_DEMOS,
        points=-1,
        when=lambda case: case.demo_tokens >= _LONG_DEMO,
        reason="each demonstration adds {demo_tokens} tokens to every call",
        source=f"{GUIDE_COST}trainset size",
        change="lower max_bootstrapped_demos and max_labeled_demos (k for LabeledFewShot)",
    ),
    # Budget and deadline, from the estimates.
    Rule(
        id="over_budget",
        optimizers=(EVERY,),
        points=-4,
        when=lambda case: case.cost is not None and bool(case.cost.over(case.facts.budget)),
        reason="it is expected to need {over}",
        source=f"{GUIDE_COST}iterations",
        change="{remedy} the cap",
    ),
    Rule(
        id="may_pass_budget",
        optimizers=(EVERY,),
        points=-1,
        when=lambda case: (
            case.cost is not None
            and not case.cost.over(case.facts.budget)
            and bool(case.cost.over(case.facts.budget, high=True))
        ),
        reason="at worst it needs {near}; at the cap it stops and keeps the best",
        source=f"{GUIDE_COST}iterations",
    ),
)
