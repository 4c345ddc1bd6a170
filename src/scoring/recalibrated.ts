import { parseDocument } from 'yaml';
import { type Calibration, calibrationSource } from './calibration.js';

/**
 * The file of a scorecard with another calibration, complete in itself: curves, weights and comments stay. The calibrations of
 * its segments go, since they belong to the one that is replaced.
 */
export function recalibrated(
  text: string,
  { name, description, calibration }: { name: string; description: string; calibration: Calibration },
): string {
  const document = parseDocument(text);
  document.set('name', name);
  document.set('description', description);
  const place = document.createNode(parseDocument(calibrationSource(calibration)).toJS(), { flow: true });
  document.set('calibration', place);
  document.delete('calibration_by_segment');
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}
