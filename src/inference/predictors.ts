import type { ModelConfiguration } from '../models/configuration.ts';
import type { Session } from '../models/session.ts';
import type { BoundSession } from '../models/version-loader.ts';
import type { MediaDecoders } from '../tasks/ports.ts';
import type { Predictor, TaskModel } from '../tasks/predictor.ts';

/**
 * The predictor of each session whose model declares a task, made when the model is loaded, so that a configuration
 * which does not fit is refused then. The tasks' code is loaded by the first model that has one.
 */
export class Predictors {
  readonly #decoders: () => Promise<MediaDecoders>;
  readonly #bySession = new WeakMap<Session, Predictor>();
  readonly #pipelines = new WeakMap<ModelConfiguration, Promise<Predictor>>();

  /** @param decoders called once a task needs them */
  constructor(decoders: () => Promise<MediaDecoders>) {
    this.#decoders = decoders;
  }

  /** @throws ServingError MODEL_UNAVAILABLE that names the field when the task does not fit the model */
  async bind(bound: BoundSession): Promise<void> {
    const { pinned, session, configuration, labels, readFile } = bound;
    const predictor = await this.#create(configuration, {
      name: pinned.model,
      inputs: session.inputs,
      outputs: session.outputs,
      labels,
      readFile,
    });
    if (predictor !== undefined) this.#bySession.set(session, predictor);
  }

  of(session: Session): Predictor | undefined {
    return this.#bySession.get(session);
  }

  /** The predictor of a model that is a graph of others and has no session; undefined for one that is not. */
  async pipeline(model: string, configuration: ModelConfiguration): Promise<Predictor | undefined> {
    if (configuration.task?.type !== 'pipeline') return undefined;
    const known = this.#pipelines.get(configuration);
    if (known !== undefined) return known;
    const noFiles = { inputs: [], outputs: [], labels: [], readFile: async () => undefined };
    const created = this.#create(configuration, { name: model, ...noFiles }).then((predictor) => {
      if (predictor === undefined) throw new Error('a task always has a predictor');
      return predictor;
    });
    this.#pipelines.set(configuration, created);
    return created;
  }

  async #create({ task }: ModelConfiguration, model: TaskModel): Promise<Predictor | undefined> {
    if (task === undefined) return undefined;
    const { createPredictor } = await import('../tasks/create.ts');
    return createPredictor(task, model, await this.#decoders());
  }
}
