/** A message -> its template: the message with `<*>` for each of its values. */
import { Mask, valueMark } from './mask.ts';

export interface TemplateLimits {
  templatesPerServiceMax: number;
  /** Over all services of this instance. */
  templatesMax: number;
}

/** What a message gets whose service, or all together, have used up their number of templates. */
export const overflowTemplate = '<overflow>';

/** Longer ones are cut, and end in `…`. */
const templateCharsMax = 400;

interface Known {
  check: number;
  template: string;
}

/** Of one service. */
class ServiceTemplates {
  readonly byWording = new Map<number, Known>();
  readonly templates = new Set<string>();
}

/**
 * Gives messages their templates, 0.6 us for one of 240 characters (test/bench/templates.ts). What a message gets depends on nothing but its text, so any number of instances, in any threads and processes, in any
 * order, agree; but for the limits: beyond them a message whose template is new here gets `overflowTemplate`, and is counted.
 *
 * Memory: at most `templatesMax` templates of `templateCharsMax` characters, and twice as many remembered wordings.
 */
export class Templates {
  /** Messages that got `overflowTemplate`. */
  overflowed = 0;
  private readonly limits: TemplateLimits;
  private readonly mask = new Mask();
  private readonly services = new Map<string | null, ServiceTemplates>();
  private readonly none = new ServiceTemplates();
  private lastService: string | null = null;
  private last = this.none;
  private known = 0;
  private remembered = 0;

  constructor(limits: TemplateLimits) {
    this.limits = limits;
  }

  /** Different templates given, over all services. */
  get size(): number {
    return this.known;
  }

  /** `templatesPerServiceMax` is per service as it is named here; null is one, too. */
  of(service: string | null, message: string): string {
    const { mask } = this;
    mask.scan(message);
    if (service !== this.lastService) {
      this.lastService = service;
      this.last = this.services.get(service) ?? this.none;
    }
    const known = this.last.byWording.get(mask.key);
    return known !== undefined && known.check === mask.check ? known.template : this.firstOf(service, mask.masked());
  }

  private firstOf(service: string | null, masked: string): string {
    const template = templateOf(masked);
    let own = this.services.get(service);
    if (!own?.templates.has(template)) {
      if (this.known >= this.limits.templatesMax || (own?.templates.size ?? 0) >= this.limits.templatesPerServiceMax) {
        this.overflowed += 1;
        return overflowTemplate;
      }
      if (own === undefined) this.services.set(service, (own = new ServiceTemplates()));
      own.templates.add(template);
      this.known += 1;
      this.last = own;
    }
    // Words that are values by what stands around them make more wordings than templates.
    if (this.remembered >= 2 * this.limits.templatesMax) this.forgetWordings();
    if (!own.byWording.has(this.mask.key)) this.remembered += 1;
    own.byWording.set(this.mask.key, { check: this.mask.check, template });
    return template;
  }

  private forgetWordings(): void {
    for (const { byWording } of this.services.values()) byWording.clear();
    this.remembered = 0;
  }
}

const days = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun';
const months = 'Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec';

/** What a value's surroundings say, in the order in which it is applied. */
const rules: readonly (readonly [RegExp, string])[] = [
  // Names of days and months beside a number, and am or pm behind one.
  [new RegExp(`\\b(?:(?:${days}),? +)?(?:${months}) +(?=<\\*>)|\\b(?:${days}),? +(?=<\\*>)`, 'g'), ''],
  [new RegExp(`<\\*> +(?:(?:${months})\\b|[AaPp][Mm]\\b)`, 'g'), valueMark],
  // A unit behind a number: 5.2 KB and 1 MB are one kind.
  [/<\*> (?:[KMGT]i?B|B|[nmuµ]?s|secs?|mins?)(?![\w-])/g, valueMark],
  // Who did it.
  [/\b((?:for|by|as|of|from|invalid|unknown) user) +(?!<\*>)[\w.-]+/gi, `$1 ${valueMark}`],
  [/\b(user) +(?!<\*>|name\b|id\b)[\w.-]+ (?=(?:logged|signed|from|by|not found|is not|does not|was|has|connected|disconnected|created|deleted|joined|left)\b)/gi, `$1 ${valueMark} `],
  [/\bfor (?!<\*>)[\w.-]+ from <\*>/g, `for ${valueMark} from ${valueMark}`],
  // A place for a value that is empty here.
  [/(?<=\s)\(\)(?=\s|$)/g, `(${valueMark})`],
  [/\s+/g, ' '],
  // Host and port, a time, a list of any length.
  [/<\*>(?:(?:[,;] ?|[ :=&?/.+-])<\*>)+(?:,? ?…)?/g, valueMark],
];

/** The same once more: a list of quoted values, of `name:value` pairs, of objects. 20 us and more for a message with values, once per wording. */
const repeated = /(\S.{0,80}?<\*>.{0,3}?)(?:[,;]? ?\1)+/g;

function templateOf(masked: string): string {
  let template = masked.trim();
  for (const [pattern, replacement] of rules) template = template.replace(pattern, replacement);
  if (template.indexOf(valueMark, template.indexOf(valueMark) + valueMark.length) > 0) template = template.replace(repeated, '$1');
  return template.length > templateCharsMax ? `${template.slice(0, templateCharsMax)}…` : template;
}
