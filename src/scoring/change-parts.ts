/** A risk at one time and at a later one, and in between what it would have been had only some things changed. */
export interface RiskStages {
  readonly before: number;
  /** At the later time, with the signals that were there before and the scorecard of before. */
  readonly timePassed: number;
  /** The same, where what is known is what is known later: of features that came or went, the later value. */
  readonly knowledgeChanged: number;
  /** With all signals of the later time, and the scorecard of before. */
  readonly signalsCame: number;
  /** With the scorecard of the later time. */
  readonly cardEdited: number;
  /** As a person set it; null: nobody did. */
  readonly overriddenBefore: number | null;
  readonly overriddenAfter: number | null;
}

/** Why a risk moved, in points that sum to the move. */
export interface ChangeParts {
  readonly passingTime: number;
  readonly missingData: number;
  readonly signals: number;
  readonly cardEdit: number;
  readonly override: number;
  readonly total: number;
}

/**
 * Splits a move without remainder: each part is what its stage adds to the one before, so nothing is counted twice and nothing is
 * left over. An override is what it adds to the computed risk, now, less what it added before.
 */
export function changeParts(stages: RiskStages): ChangeParts {
  const { before, timePassed, knowledgeChanged, signalsCame, cardEdited } = stages;
  const shownBefore = stages.overriddenBefore ?? before;
  const shownAfter = stages.overriddenAfter ?? cardEdited;
  return {
    passingTime: timePassed - before,
    missingData: knowledgeChanged - timePassed,
    signals: signalsCame - knowledgeChanged,
    cardEdit: cardEdited - signalsCame,
    override: shownAfter - cardEdited - (shownBefore - before),
    total: shownAfter - shownBefore,
  };
}
