/** How a view of a schema is looked up: names in SQL have no case. */
export function viewName(schema: string, name: string): string {
  return `${schema}\n${name}`.toLowerCase();
}
