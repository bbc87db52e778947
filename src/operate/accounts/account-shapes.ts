/** People, invitations and API tokens as people see them. */
import type {
  Actor,
  ApiToken,
  PendingInvitation,
  Role,
  User,
} from '../../store/people/people-shapes.ts';

export interface UserView extends Omit<User, 'createdAtMs'> {
  createdAt: string;
}

/** Who asks. */
export interface Me extends Actor {
  /** Null for a token. */
  user: UserView | null;
}

export type SignInMethod = { type: 'password' } | { type: 'oidc'; name: string; url: string };

/** What a link that works once is for. */
export interface Invited {
  /** Null: of the first owner, who says it himself. */
  email: string | null;
  role: Role;
  isNewPassword: boolean;
}

/** Of somebody who has no account yet. */
export interface InvitationView extends Omit<PendingInvitation, 'expiresAtMs'> {
  expiresAt: string;
}

export interface InvitationMade {
  /** The secret of the link. */
  invitation: string;
}

export interface TokenView extends Omit<ApiToken, 'createdAtMs' | 'expiresAtMs' | 'lastUsedAtMs'> {
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export interface TokenMade extends TokenView {
  /** Shown this once. */
  token: string;
}
