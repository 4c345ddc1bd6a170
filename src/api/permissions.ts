import type { Need } from '../access/access-control.js';

/** What a call needs, and what of it is kept in the audit log. */
export interface Permission {
  readonly needs: Need;
  /** `write`: it changes something. `personal`: it shows what a person did or said. */
  readonly audit?: 'write' | 'personal';
}

/** Every method of the server, and who may call it. A method that is not here is refused; a test compares it with the contract. */
export const PERMISSIONS: Readonly<Record<string, Permission>> = {
  '/perennial.v1.RiskService/GetRisk': { needs: 'read' },
  '/perennial.v1.RiskService/BatchGetRisks': { needs: 'read' },
  '/perennial.v1.RiskService/ListRisks': { needs: 'read' },
  '/perennial.v1.RiskService/ListRiskHistory': { needs: 'read' },
  '/perennial.v1.RiskService/ExplainRisk': { needs: 'read' },
  '/perennial.v1.RiskService/WatchRisks': { needs: 'read' },
  '/perennial.v1.DecisionService/GetDecision': { needs: 'read' },
  '/perennial.v1.DecisionService/ListDecisionEvents': { needs: 'read' },
  '/perennial.v1.DecisionService/ListDecisions': { needs: 'read' },
  '/perennial.v1.DecisionService/ListSuppressions': { needs: 'read' },
  '/perennial.v1.DecisionService/WatchDecisions': { needs: 'read' },
  '/perennial.v1.DecisionService/Decide': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/ApproveDecision': { needs: 'approve', audit: 'write' },
  '/perennial.v1.DecisionService/RejectDecision': { needs: 'approve', audit: 'write' },
  '/perennial.v1.DecisionService/PresentDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/AcknowledgeDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/SnoozeDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/ResolveDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/WithdrawDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/ReopenDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/AcceptDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.DecisionService/DeclineDecision': { needs: 'decide', audit: 'write' },
  '/perennial.v1.CustomerService/GetCustomer': { needs: 'read', audit: 'personal' },
  '/perennial.v1.CustomerService/ListCustomerEvents': { needs: 'read', audit: 'personal' },
  '/perennial.v1.CustomerService/UpsertSubscriptions': { needs: 'ingest', audit: 'write' },
  '/perennial.v1.SignalService/IngestSignals': { needs: 'ingest', audit: 'write' },
  '/perennial.v1.SignalService/StreamSignals': { needs: 'ingest', audit: 'write' },
  '/perennial.v1.SignalService/IngestOutcomes': { needs: 'ingest', audit: 'write' },
  '/perennial.v1.RetractionService/RetractRecords': { needs: 'ingest', audit: 'write' },
  '/perennial.v1.RetractionService/CreateRetraction': { needs: 'administer', audit: 'write' },
  '/perennial.v1.RetractionService/UndoRetraction': { needs: 'administer', audit: 'write' },
  '/perennial.v1.RetractionService/ListRetractions': { needs: 'read' },
  '/perennial.v1.RiskOverrideService/SetRiskOverride': { needs: 'decide', audit: 'write' },
  '/perennial.v1.RiskOverrideService/LiftRiskOverride': { needs: 'decide', audit: 'write' },
  '/perennial.v1.RiskOverrideService/ListRiskOverrides': { needs: 'read' },
  '/perennial.v1.RuleService/GetRuleSet': { needs: 'read' },
  '/perennial.v1.RuleService/ListRuleSets': { needs: 'read' },
  '/perennial.v1.RuleService/ListFacts': { needs: 'read' },
  '/perennial.v1.RuleService/CheckRules': { needs: 'read' },
  '/perennial.v1.RuleService/PreviewRules': { needs: 'read' },
  '/perennial.v1.RunService/GetRun': { needs: 'read' },
  '/perennial.v1.RunService/ListRuns': { needs: 'read' },
  '/perennial.v1.QueryService/RunQuery': { needs: 'administer', audit: 'personal' },
  '/grpc.health.v1.Health/Check': { needs: 'nothing' },
  '/grpc.health.v1.Health/List': { needs: 'nothing' },
  '/grpc.health.v1.Health/Watch': { needs: 'nothing' },
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': { needs: 'any' },
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': { needs: 'any' },
};
