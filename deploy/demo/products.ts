export const products = [
  { sku: 'brass-compass', title: 'Brass compass', priceCents: 4_900 },
  { sku: 'hemp-rope', title: 'Hemp rope, 20 m', priceCents: 2_150 },
  { sku: 'oil-lamp', title: 'Oil lamp', priceCents: 3_600 },
  { sku: 'sea-chart', title: 'Sea chart of the sound', priceCents: 1_800 },
  { sku: 'sounding-lead', title: 'Sounding lead, 7 lb', priceCents: 5_400 },
  { sku: 'wool-cap', title: 'Wool cap', priceCents: 2_700 },
] as const;
