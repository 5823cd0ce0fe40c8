import { type ReactNode, useState } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';

import { useText } from '../i18n';
import { Button, ProblemBox } from './ui';
import css from './dialog.module.css';

interface Given {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  wide?: boolean;
}

/** A dialog. Escape and a press beside it close it; the focus goes back to where it was. */
export function Dialog({ open, onClose, title, children, wide }: Given) {
  return (
    <ModalOverlay className={css.overlay ?? ''} isOpen={open} onOpenChange={(next) => !next && onClose()} isDismissable>
      <Modal className={`${css.modal} ${wide ? css.wide : ''}`}>
        <AriaDialog className={css.dialog ?? ''}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

export function Actions({ children }: { children: ReactNode }) {
  return <div className={css.actions}>{children}</div>;
}

interface AskGiven {
  open: boolean;
  onClose: () => void;
  title: string;
  children?: ReactNode;
  action: string;
  danger?: boolean;
  disabled?: boolean;
  wide?: boolean;
  /** Closes the dialog when it is done, unless it gives `stay`; what it throws is shown in it. */
  onAction: () => Promise<void | 'stay'>;
}

/** Asks before something is done, and shows in place why it was not. */
export function Ask({ open, onClose, title, children, action, danger, disabled, wide, onAction }: AskGiven) {
  const { t } = useText();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const close = () => {
    setError(null);
    onClose();
  };
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      if ((await onAction()) !== 'stay') close();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onClose={close} title={title} wide={wide ?? false}>
      {children}
      {error ? <ProblemBox error={error} /> : null}
      <Actions>
        <Button onPress={close}>{t.common.cancel}</Button>
        <Button kind={danger ? 'danger' : 'primary'} isDisabled={busy || (disabled ?? false)} onPress={() => void act()}>
          {busy ? t.common.working : action}
        </Button>
      </Actions>
    </Dialog>
  );
}
