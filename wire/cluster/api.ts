import * as fs from 'node:fs';
import type * as http from 'node:http';
import * as https from 'node:https';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { runtime } from '../paths';
import { hubAddress } from './network';

// biome-ignore lint/suspicious/noExplicitAny: manifests are read by path, whatever their kind
export type Fields = any;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
  };
  readonly [field: string]: Fields;
}

export function identity({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: Manifest;
}

export const apiServerPort = 6443;
export const adminToken = 'wire';
export const certificates = path.join(runtime, 'apiserver');

/** The few calls to the API server that the lab makes itself; all else goes through kubectl. */
export class Api {
  private readonly agent = new https.Agent({ keepAlive: true });
  private authority?: Buffer;

  get(resource: string): Promise<Fields> {
    return this.request('GET', resource);
  }

  create(resource: string, body: object): Promise<Fields> {
    return this.request('POST', resource, body, 'application/json');
  }

  patch(resource: string, body: object): Promise<Fields> {
    return this.request('PATCH', resource, body, 'application/merge-patch+json');
  }

  /** Deletes without a grace period, as a kubelet does when the containers have ended. */
  remove(resource: string): Promise<Fields> {
    return this.request('DELETE', `${resource}?gracePeriodSeconds=0`);
  }

  /** Calls back for everything that is there, then for every change. */
  async watch(resource: string, onEvent: (event: WatchEvent) => void): Promise<never> {
    for (;;) {
      try {
        const stream = await this.open('GET', `${resource}?watch=true`);
        for await (const line of readline.createInterface({ input: stream })) onEvent(JSON.parse(line));
      } catch {
        await sleep(100);
      }
    }
  }

  private async request(method: string, resource: string, body?: object, contentType?: string): Promise<Fields> {
    const response = await this.open(method, resource, body, contentType);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    if ((response.statusCode ?? 0) >= 300) throw new Error(`${method} ${resource}: ${response.statusCode} ${text.trim()}`);
    return text.startsWith('{') ? JSON.parse(text) : text;
  }

  private open(method: string, resource: string, body?: object, contentType?: string): Promise<http.IncomingMessage> {
    this.authority ??= fs.readFileSync(path.join(certificates, 'apiserver.crt'));
    return new Promise((resolve, reject) => {
      const request = https.request({
        host: hubAddress,
        port: apiServerPort,
        method,
        path: resource,
        agent: this.agent,
        ca: this.authority,
        headers: { authorization: `Bearer ${adminToken}`, ...(contentType && { 'content-type': contentType }) },
      });
      request.on('response', resolve).on('error', reject);
      request.end(body && JSON.stringify(body));
    });
  }
}
