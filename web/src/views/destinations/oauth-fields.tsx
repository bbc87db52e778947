/** An OAuth application of the user's own: who it is, and where people sign in. */
import { MASK } from '../../../../src/base/mask.ts';
import type { OauthService } from '../../../../src/destinations/segment-actions/segment-shapes.ts';
import { Code } from '../../parts/code.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { authorizedUrl } from './authorization.ts';

interface Props {
  /** JSON, as of every setting that is an object; `MASK`: kept as it is. */
  text: string;
  service: OauthService | undefined;
  problem: string | undefined;
  onChange(text: string): void;
}

type Oauth = Readonly<Record<string, string>>;

export function OauthFields({ text, service, problem, onChange }: Props) {
  const given = oauthOf(text);
  const isKept = text === MASK;
  const input = (key: string, label: string, more: { help?: string; isSecret?: boolean } = {}) => (
    <TextField
      label={label}
      {...(more.help !== undefined && { help: more.help })}
      type={more.isSecret ? 'password' : 'text'}
      autocomplete={more.isSecret ? 'new-password' : 'off'}
      placeholder={isKept ? 'Kept as it is; type to replace all of OAuth' : ''}
      value={given[key] ?? ''}
      onChange={(value) => onChange(withKey(given, key, value.trim()))}
    />
  );
  const known = (value: string | undefined): string =>
    value === undefined ? 'Millrace does not know it for this service.' : `By default ${value}`;
  return (
    <fieldset class="d-oauth">
      <legend>OAuth application (required)</legend>
      {problem && <p class="d-problem">{problem}</p>}
      <p>
        Make an application at the service, with this redirect address. When it is saved here, sign
        in with the button above.
      </p>
      <Code text={authorizedUrl()} label="the redirect address" />
      {input('clientId', 'Client id')}
      {input('clientSecret', 'Client secret', { isSecret: true })}
      <details>
        <summary>Addresses, scopes and tokens</summary>
        {input('authorizationUrl', 'Sign-in address', { help: known(service?.authorizationUrl) })}
        {input('tokenUrl', 'Token address', { help: known(service?.tokenUrl) })}
        {input('scopes', 'Scopes', { help: known(service?.scopes) })}
        {input('access_token', 'Access token', { isSecret: true })}
        {input('refresh_token', 'Refresh token', { isSecret: true })}
      </details>
    </fieldset>
  );
}

function oauthOf(text: string): Oauth {
  if (text === MASK || text === '') return {};
  return JSON.parse(text) as Oauth;
}

function withKey(given: Oauth, key: string, value: string): string {
  const { [key]: _, ...others } = given;
  const next = value === '' ? others : { ...others, [key]: value };
  return Object.keys(next).length === 0 ? '' : JSON.stringify(next);
}
