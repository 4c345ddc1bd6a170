/**
 * A feature's value in words, by the template of features.yaml. In the template:
 * {value:percent} "-62 %" of a change · {value:percent_plain} "45 %" of a share · {value:days} "12 days" · {value:number} "3.5" ·
 * {value:signed} "+0.4" · {value:yes_no|if 1|if 0} one of two texts.
 */
export function inWords(template: string, value: number): string {
  return template.replaceAll(
    /\{value:([a-z_]+)(?:\|([^|}]*)\|([^|}]*))?\}/g,
    (_, form: string, yes?: string, no?: string) => {
      switch (form) {
        case 'percent':
          return `${signed(value * 100, 0)} %`;
        case 'percent_plain':
          return `${rounded(value * 100, 0)} %`;
        case 'days': {
          const days = rounded(value, Math.abs(value) < 1 ? 1 : 0);
          return days === '1' ? '1 day' : `${days} days`;
        }
        case 'signed':
          return signed(value, 2);
        case 'yes_no':
          return (value === 1 ? yes : no) ?? '';
        default:
          return rounded(value, 1);
      }
    },
  );
}

function rounded(value: number, digits: number): string {
  const fixed = value.toFixed(digits);
  const text = fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
  return text === '-0' ? '0' : text;
}

function signed(value: number, digits: number): string {
  const text = rounded(value, digits);
  return text.startsWith('-') || text === '0' ? text : `+${text}`;
}
